// vitest types its asymmetric matchers as any; these are the same with a type that the checks can follow.

import { expect } from 'vitest';

export function anyOf(kind: StringConstructor | NumberConstructor | ArrayConstructor): unknown {
  return expect.any(kind);
}

export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

export function withFields(fields: Readonly<Record<string, unknown>>): unknown {
  return expect.objectContaining({ ...fields });
}

export function withItems(items: readonly unknown[]): unknown {
  return expect.arrayContaining([...items]);
}
