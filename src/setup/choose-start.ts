// Which command `npm start` becomes, and what it tells the person. Pure.

import type { DebianPackage } from './debian-packages.ts';
import { sudoLine } from './decide.ts';

export interface StartSituation {
  readonly isRoot: boolean;
  /** What the lab would need and is not there. */
  readonly missing: readonly DebianPackage[];
  /** Words after `npm start --`. */
  readonly words: readonly string[];
}

export interface StartChoice {
  readonly command: readonly string[];
  readonly say: readonly string[];
}

export function chooseStart({ isRoot, missing, words }: StartSituation): StartChoice {
  if (isRoot && missing.length === 0) return { command: ['lab', 'up', '--follow', ...words], say: [] };
  const say = ['starting the appliance without the virtual lab'];
  if (!isRoot) say.push('the lab makes a network namespace, a bridge and a virtual machine, which needs root: sudo npm start');
  if (missing.length > 0) say.push(`the lab needs Debian packages that are not here; to have them: ${sudoLine(missing)}`);
  return { command: ['serve', ...words], say };
}
