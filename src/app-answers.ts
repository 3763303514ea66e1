// Wiring of answers: templates, addresses of clusters, root passwords, and answers to look at. Has no rules of its own.

import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type Config, parseListen, resolveSecret } from './config/index.ts';
import {
  type Addresses,
  type AnswerDrafts,
  type AnswerPreviews,
  type AnswerTemplates,
  createAddresses,
  createAnswerDrafts,
  createAnswerPreviews,
  createAnswerTemplates,
  createRootPasswords,
  type Installers,
  type InstallPlan,
  type LastPlan,
  type RootPasswords,
} from './install/index.ts';
import { type Clock, parseIpv4, parseSubnet, RackseedError, type Random, resource, subnetHas } from './lib/index.ts';
import { createConflictProbe } from './net/dhcp/index.ts';
import type { Nodes } from './nodes/index.ts';
import type { Store } from './store/index.ts';

export interface AnswerOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly installers: Pick<Installers, 'find' | 'newest'>;
  /** Of the certificate that machines see; null: none. */
  readonly fingerprint: string | null;
  readonly ownKey: () => Promise<string>;
}

export interface AnswerServices {
  readonly templates: AnswerTemplates;
  readonly addresses: Addresses;
  readonly rootPasswords: RootPasswords;
  /** For whoever prepares an installation. */
  readonly drafts: AnswerDrafts;
  readonly previews: AnswerPreviews;
}

export function answersOf({ config, env, store, nodes, clock, random, installers, fingerprint, ownKey }: AnswerOptions): AnswerServices {
  const templates = createAnswerTemplates({ own: join(config.server.data_dir, 'answer-files'), shipped: resource('answer-files') });
  const probe = createConflictProbe({ clock });
  const addresses = createAddresses({
    store,
    clock,
    clusters: config.cluster,
    probe: config.dhcp.conflict_probe ? (address) => probe.check(address) : null,
    isOnLink,
  });
  const { root_password: password } = config.install;
  const rootPasswords = createRootPasswords({
    store,
    random,
    configured: () => (password === undefined ? Promise.resolve(null) : resolveSecret(password, { env })),
  });
  const drafts = createAnswerDrafts({ config, nodes, templates });
  const previews = createAnswerPreviews({
    config,
    nodes,
    drafts,
    addresses,
    installers,
    profileOf: (uuid) => profileOf(store, uuid),
    lastPlan: (uuid) => lastPlan(store, uuid, installers),
    ownKey,
    site: { url: siteUrl(config), fingerprint },
  });
  return { templates, addresses, rootPasswords, drafts, previews };
}

/** The machine is told the address by which it reaches the appliance; without public_url nobody knows it yet. */
function siteUrl({ server }: Config): string {
  return server.public_url ?? `${server.tls ? 'https' : 'http'}://APPLIANCE:${parseListen(server.listen).port}`;
}

function isOnLink(network: string): boolean {
  const net = parseSubnet(network);
  if (net === undefined) return false;
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return own.some(({ address }) => {
    const parsed = parseIpv4(address);
    return parsed !== undefined && subnetHas(net, parsed);
  });
}

async function profileOf(store: Store, nodeUuid: string): Promise<string | null> {
  const row = await store.db.selectFrom('enrolments').select('profile').where('node_uuid', '=', nodeUuid).executeTakeFirst();
  return row?.profile ?? null;
}

async function lastPlan(store: Store, nodeUuid: string, installers: Pick<Installers, 'find'>): Promise<LastPlan | null> {
  const row = await store.db
    .selectFrom('installations')
    .select('plan')
    .where('node_uuid', '=', nodeUuid)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  const plan = JSON.parse(row.plan) as InstallPlan; // written by the book of installations alone
  // It may have been removed since.
  const installer = await installers.find(plan.installer).catch((thrown: unknown) => {
    if (thrown instanceof RackseedError && thrown.code === 'install.no_installer') return null;
    throw thrown;
  });
  return { plan, target: installer };
}
