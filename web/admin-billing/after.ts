/**
 * What follows a command that succeeded, also where the part of the page that gave it is gone by then, as a row that was
 * decided is: callbacks of `mutate` are told nothing then. Faults are shown by the form itself.
 */
export const after = <Answer>(command: Promise<Answer>, done: (answer: Answer) => void): void =>
  void command.then(done, () => undefined)
