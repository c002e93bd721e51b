import { Textarea, TextInput } from '@mantine/core'

export interface TeamText {
  readonly name: string
  readonly description: string
}

export const TeamFields = (props: { text: TeamText; onChange: (text: TeamText) => void }) => (
  <>
    <TextInput
      label="Name"
      placeholder="Search"
      maxLength={80}
      data-autofocus
      value={props.text.name}
      onChange={(event) => props.onChange({ ...props.text, name: event.currentTarget.value })}
    />
    <Textarea
      label="What it is for"
      autosize
      minRows={2}
      maxLength={500}
      value={props.text.description}
      onChange={(event) => props.onChange({ ...props.text, description: event.currentTarget.value })}
    />
  </>
)
