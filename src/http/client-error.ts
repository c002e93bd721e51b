import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { fault } from '../kit/fault.ts'
import { hasLastAnswer } from '../kit/last-answer.ts'

const statusOf = (code: string | undefined): number => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
}

const messages: Readonly<Record<number, string>> = {
  400: 'This is not a request of HTTP/1.1.',
  408: 'The request did not come in time.',
  431: 'The headers of the request are too large.',
}

/** Bytes that are no request are answered once, in the shape of every error, and the connection ends. */
export const answerClientError = (error: { readonly code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed || hasLastAnswer.has(socket)) return
  const status = statusOf(error.code)
  const { code, message, next } = fault('invalid_request', { message: messages[status] ?? '' })
  const body = JSON.stringify({ error: { code, message, next } })
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  socket.destroySoon()
}
