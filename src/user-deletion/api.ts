import { defineHandlers } from '../http/handler.ts'
import { must } from '../kit/fault.ts'
import type { UserDeletions } from './user-deletion.ts'

export const userDeletionApi = ({ userDeletions }: { readonly userDeletions: UserDeletions }) => {
  const done = { done: true } as const
  const onWire = ({ deleteAt }: { deleteAt: Date }) => ({ deleteAt: deleteAt.toISOString() })

  return defineHandlers<
    'scheduleUserDeletion' | 'cancelUserDeletion' | 'scheduleDeletionOfUser' | 'cancelDeletionOfUser'
  >({
    scheduleUserDeletion: async ({ body }, { signedIn, actor }) =>
      onWire(must(await userDeletions.schedule(actor, signedIn.userId, body))),

    async cancelUserDeletion(_, { signedIn, actor }) {
      must(await userDeletions.cancel(actor, signedIn.userId))
      return done
    },

    scheduleDeletionOfUser: async ({ params, body }, { actor }) =>
      onWire(must(await userDeletions.schedule(actor, params.id, body))),

    async cancelDeletionOfUser({ params }, { actor }) {
      must(await userDeletions.cancel(actor, params.id))
      return done
    },
  })
}
