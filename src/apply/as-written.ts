import { z } from 'zod'

/**
 * The fields of an entry of our API, as a document may write them: none has to be there, and one that is left out stays as it
 * is stored. A default of the API would set it back.
 */
export const asWritten = <Shape extends z.ZodRawShape>(entry: z.ZodObject<Shape>) =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(entry.shape).map(([name, field]) => {
        const plain = field instanceof z.ZodDefault ? field.unwrap() : field
        return [name, z.optional(plain)]
      }),
    ),
  ) as unknown as z.ZodType<Partial<z.output<z.ZodObject<Shape>>>>
