import { useRead } from './queries.ts'

/** `openai` → OpenAI; the id itself until the names have arrived. */
export const ServiceName = (props: { id: string }) => {
  const services = useRead('listServices', {})
  return <>{services.data?.items.find((service) => service.id === props.id)?.name ?? props.id}</>
}
