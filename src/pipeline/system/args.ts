// What arguments of steps have in common.

import { type TUnsafe, Type } from 'typebox';

/** One of these words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  options: { readonly description: string; readonly default?: NoInfer<Word> },
): TUnsafe<Word> {
  return Type.Unsafe<Word>({ type: 'string', enum: [...words], ...options });
}
