// Installations by an installer: what was agreed, how far each has come, and the addresses that nodes of clusters were given; by what machines
// are told apart; runs of pipelines; and what older tables had no place for. Once released this file is never edited.

import { type Index, makeIndexes, makeTable, type Table } from './tables.ts';
import type { Migration } from './types.ts';

export const install: Migration = {
  version: 4,
  name: 'install',
  async up(tx, types) {
    for (const table of TABLES) await makeTable(tx, types, table);
    await makeIndexes(tx, INDEXES);
    // Whether a person had set observe_only before the machine became a member; null: nobody knows.
    await tx.schema.alterTable('cluster_members').addColumn('was_observed', types.int).execute();
  },
};

const TIMES = { created_at: 'int!', updated_at: 'int!' } as const;

const TABLES: readonly Table[] = [
  {
    name: 'installations',
    key: ['uuid'],
    ofNode: true,
    columns: {
      uuid: 'text!',
      node_uuid: 'text!',
      // Of the task that deploys.
      deployment: 'text!',
      // prepared, armed, script, kernel, initrd, iso, answered, installed, first-boot, reached, failed.
      stage: 'text!',
      stage_at: 'int!',
      // JSON, without secrets.
      plan: 'text!',
      // In the URLs of what its machine boots.
      boot_id: 'text!',
      // Sealed JSON: the secrets that go into the mode file and the answer.
      secrets: 'text!',
      // SHA-256 in hexadecimal, of what requests are known by.
      answer_hash: 'text!',
      hook_hash: 'text!',
      first_boot_hash: 'text!',
      boots: 'int!',
      // Hash of the answer and of the request, address: an identical repeat is answered again.
      answer_sent: 'text',
      answer_to: 'text',
      answered_at: 'int',
      answer_asks: 'int!',
      installed_at: 'int',
      // JSON of the web hook, without its token.
      hook: 'text',
      first_boot_at: 'int',
      // JSON of the report.
      first_boot: 'text',
      iso_bytes: 'int!',
      iso_total: 'int!',
      failure: 'text',
      ended_at: 'int',
      ...TIMES,
    },
  },
  {
    // Addresses of nodes that are no lease of DHCP.
    name: 'node_addresses',
    key: ['address'],
    ofNode: true,
    columns: {
      // Without prefix.
      address: 'text!',
      node_uuid: 'text!',
      // Of [[cluster]].
      cluster: 'text!',
      // management, ceph-public, ceph-cluster, link1, …
      purpose: 'text!',
      prefix: 'int!',
      // Who answered when it was probed; null: nobody.
      conflict: 'text',
      probed_at: 'int',
      ...TIMES,
    },
  },
  {
    // Which firmware identities each network card was seen under: a card that goes from machine to machine identifies none.
    name: 'mac_sightings',
    key: ['mac', 'smbios_uuid'],
    columns: { mac: 'text!', smbios_uuid: 'text!', first_seen_at: 'int!', last_seen_at: 'int!' },
  },
  {
    // The built-in disks of each node as it last reported them.
    name: 'node_disks',
    key: ['node_uuid', 'disk'],
    ofNode: true,
    columns: {
      node_uuid: 'text!',
      // wwn: or serial:, and what it says.
      disk: 'text!',
      title: 'text!',
      seen_at: 'int!',
    },
  },
  {
    // Runs of pipelines on installed nodes.
    name: 'pipeline_runs',
    key: ['uuid'],
    ofNode: true,
    columns: {
      uuid: 'text!',
      node_uuid: 'text!',
      pipeline: 'text!',
      // running, failed, aborted, done.
      state: 'text!',
      // JSON list: each step with its arguments and how far it is.
      cursor: 'text!',
      // JSON object: what steps keep over a restart.
      notes: 'text!',
      // Of whoever drives it, or drove it last.
      task: 'text!',
      // Goes up whenever somebody takes it.
      epoch: 'int!',
      abort_asked: 'int!',
      ended_at: 'int',
      ...TIMES,
    },
  },
];

const INDEXES: readonly Index[] = [
  { table: 'installations', columns: ['node_uuid', 'created_at'] },
  { table: 'installations', columns: ['boot_id'], unique: true },
  { table: 'installations', columns: ['answer_hash'], unique: true },
  { table: 'installations', columns: ['hook_hash'], unique: true },
  { table: 'installations', columns: ['first_boot_hash'], unique: true },
  { table: 'node_addresses', columns: ['node_uuid', 'purpose'], unique: true },
  { table: 'pipeline_runs', columns: ['node_uuid', 'created_at'] },
  { table: 'boot_secrets', columns: ['node_uuid'] },
  { table: 'mac_sightings', columns: ['last_seen_at'] },
  { table: 'node_disks', columns: ['disk'] },
];
