// Whether the installer of a release knows a key of the answer, by its name with "-". Pure.

import { isAtLeast, releaseOf } from '../answer/releases.ts';
import { specOf } from '../answer/schema.ts';
import type { AnswerTarget } from '../seam.ts';

export function knowsKey({ product, release }: AnswerTarget, key: string): boolean {
  const installer = releaseOf(product, release);
  const spec = specOf(key);
  return !('problem' in installer) && spec !== undefined && isAtLeast(installer.installer, spec.since);
}
