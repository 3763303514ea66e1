// What the desk is made of: each part knows its own matter, the desk only in which order they are asked.

import type { Config } from '../../config/index.ts';
import type { Clock, Random } from '../../lib/index.ts';
import type { Nodes } from '../../nodes/index.ts';
import type { Store } from '../../store/index.ts';
import type { Addresses } from '../addresses/addresses.ts';
import type { InstallBook } from '../protocol/book.ts';
import type { AnswerDrafts, RootPasswords } from '../render/index.ts';
import type { AnswerRules, Installers } from '../seam.ts';

/** Signs in as root by pinned host keys. */
export type SignIn = (order: {
  readonly title: string;
  readonly addresses: readonly string[];
  readonly hostKeys: readonly string[];
  readonly signal: AbortSignal;
}) => Promise<{ readonly address: string; readonly system: string }>;

export interface DeskParts {
  readonly config: Pick<Config, 'profile' | 'install'>;
  readonly store: Pick<Store, 'events' | 'transaction' | 'reasons'>;
  readonly nodes: Pick<Nodes, 'get' | 'inventory' | 'ports'>;
  readonly book: InstallBook;
  readonly installers: Pick<Installers, 'find' | 'newest'>;
  /** Was any imported? Asked without waiting. */
  readonly hasInstaller: () => boolean;
  readonly rules: AnswerRules;
  readonly drafts: AnswerDrafts;
  readonly addresses: Pick<Addresses, 'give'>;
  readonly rootPasswords: Pick<RootPasswords, 'of'>;
  /** A line for authorized_keys, of the appliance. */
  readonly applianceKey: () => Promise<string>;
  /** SHA-256 of our certificate in hexadecimal; null: plain HTTP. */
  readonly fingerprint: string | null;
  readonly signIn: SignIn;
  readonly clock: Clock;
  readonly random: Random;
}

export type DeskProfile = Config['profile'][number];
