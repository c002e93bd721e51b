import { Button, Menu } from '@mantine/core'
import { IconDownload, IconSelector } from '@tabler/icons-react'

export interface Download {
  readonly label: string
  readonly note?: string
  readonly href: string
}

/** Files of what the page shows; the browser fetches them itself, so that large ones stream. */
export const DownloadMenu = (props: { files: readonly Download[] }) => (
  <Menu width={264}>
    <Menu.Target>
      <Button
        variant="default"
        leftSection={<IconDownload size={15} aria-hidden />}
        rightSection={<IconSelector size={14} aria-hidden />}
      >
        Download
      </Button>
    </Menu.Target>
    <Menu.Dropdown>
      {props.files.map(({ label, note, href }) => (
        <Menu.Item key={label} component="a" href={href} download>
          {label}
          {note && <span style={{ display: 'block', color: 'var(--ink-3)', fontSize: 12 }}>{note}</span>}
        </Menu.Item>
      ))}
    </Menu.Dropdown>
  </Menu>
)
