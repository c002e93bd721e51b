const edgePixels = 72
const fastestPixels = 14

export interface EdgeScroll {
  readonly at: (y: number) => void
  readonly stop: () => void
}

/** Scrolls the page while something is held near its upper or lower edge, and tells that it did. */
export const makeEdgeScroll = (onScroll: () => void): EdgeScroll => {
  let speed = 0
  let frame = 0
  const step = (): void => {
    frame = 0
    if (speed === 0) return
    window.scrollBy(0, speed)
    onScroll()
    frame = requestAnimationFrame(step)
  }
  return {
    at: (y) => {
      const above = Math.max(0, edgePixels - y)
      const below = Math.max(0, y - (window.innerHeight - edgePixels))
      speed = Math.round(((below - above) / edgePixels) * fastestPixels)
      if (speed !== 0 && frame === 0) frame = requestAnimationFrame(step)
    },
    stop: () => {
      speed = 0
      if (frame !== 0) cancelAnimationFrame(frame)
      frame = 0
    },
  }
}
