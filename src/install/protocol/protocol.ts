// Everything that installers and freshly installed systems say to the appliance, and the record of it.

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, createVigil, type Log, type Random, resource, type Vigil } from '../../lib/index.ts';
import type { Nodes } from '../../nodes/index.ts';
import type { Store } from '../../store/index.ts';
import { type Answers, type AnswersOptions, createAnswers } from './answers.ts';
import { type BookOptions, createInstallBook, type InstallBook } from './book.ts';
import { createHooks, type Hooks, type HooksOptions } from './done.ts';
import { compileFirstBoot } from './first-boot-render.ts';
import { createInstalledBoots, type InstalledBoots, type InstalledBootsOptions } from './first-boots.ts';
import { createViews, type InstallationView } from './view.ts';

export interface InstallProtocol extends Answers, Hooks {
  readonly firstBoots: InstalledBoots;
  /** The newest installation of the node, with its timeline. Throws install.no_installation. */
  view(nodeUuid: string): Promise<InstallationView>;
}

export interface InstallProtocolOptions
  extends Pick<AnswersOptions, 'render' | 'cleanUuid' | 'cleanSerial' | 'renderMs' | 'served'>,
    Pick<HooksOptions, 'productOf'>,
    Pick<InstalledBootsOptions, 'bootOrderOf'> {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly book: InstallBook;
  readonly clock: Clock;
  readonly log: Log;
  /** PEM; null: plain HTTP. */
  readonly certificate: string | null;
  readonly stallMs: number;
  /** May a failure from this address be written down? Strangers must not fill the store. */
  readonly mayNote: (address: string) => boolean;
}

export interface InstallBookParts extends Pick<BookOptions, 'store' | 'nodes' | 'onMove'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** PEM; null: plain HTTP. */
  readonly certificate: string | null;
  /** Absent: one of its own. */
  readonly vigil?: Pick<Vigil, 'silence'>;
}

export function installBook({ certificate, vigil, ...parts }: InstallBookParts): InstallBook {
  const fingerprint = certificate === null ? null : pinsOf(certificate).certificate;
  return createInstallBook({ ...parts, fingerprint, vigil: vigil ?? createVigil(parts.clock) });
}

export function createInstallProtocol(options: InstallProtocolOptions): InstallProtocol {
  const { store, certificate } = options;
  const common = { ...options, reasons: store.reasons };
  const template = readFileSync(join(resource('templates/install'), 'first-boot.sh'), 'utf8');
  return {
    ...createAnswers(common),
    ...createHooks(common),
    firstBoots: createInstalledBoots({
      ...common,
      render: compileFirstBoot(template),
      pins: certificate === null ? null : pinsOf(certificate),
    }),
    view: createViews(options),
  };
}

/** Of the certificate for programs that see all of it, of its public key for curl and wget. */
function pinsOf(certificate: string): { readonly certificate: string; readonly publicKey: string } {
  const parsed = new X509Certificate(certificate);
  return {
    certificate: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    publicKey: createHash('sha256')
      .update(parsed.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64'),
  };
}
