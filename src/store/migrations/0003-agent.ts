// What the agents on machines are told to do and answer, whom enrolment takes in and why, what tests of machines measured, and which nodes
// are members of which cluster. Once released this file is never edited.

import { type Index, makeIndexes, makeTable, type Table } from './tables.ts';
import type { Migration } from './types.ts';

export const agent: Migration = {
  version: 3,
  name: 'agent',
  async up(tx, types) {
    for (const table of TABLES) await makeTable(tx, types, table);
    await makeIndexes(tx, INDEXES);
  },
};

const TIMES = { created_at: 'int!', updated_at: 'int!' } as const;

const TABLES: readonly Table[] = [
  {
    name: 'agent_orders',
    key: ['id'],
    ofNode: true,
    columns: {
      id: 'text!',
      node_uuid: 'text!',
      // Of whoever placed it: placing it again under the same key places nothing.
      key: 'text!',
      name: 'text!',
      title: 'text!',
      // Sealed: passwords and keys are among them.
      args: 'text!',
      // waiting, given, done, failed, cancelled.
      state: 'text!',
      // SHA-256 of the boot's secret whose agent it was given to.
      session: 'text',
      // How often it was given to an agent: each boot once at most.
      attempts: 'int!',
      // In thousandths.
      progress: 'int!',
      progress_text: 'text!',
      message: 'text!',
      // JSON object, of one that is done.
      result: 'text!',
      given_at: 'int',
      heard_at: 'int',
      finished_at: 'int',
      ...TIMES,
    },
  },
  {
    name: 'enrolments',
    key: ['node_uuid'],
    ofNode: true,
    columns: {
      node_uuid: 'text!',
      // proposed, approved, done, failed, rejected.
      state: 'text!',
      profile: 'text',
      name: 'text',
      rule: 'text',
      reason: 'text!',
      plan_uuid: 'text',
      approved_by: 'text',
      approved_at: 'int',
      task_id: 'text',
      ...TIMES,
    },
  },
  {
    name: 'node_checks',
    key: ['id'],
    ofNode: true,
    columns: {
      id: 'text!',
      node_uuid: 'text!',
      // benchmark, burn-in, rehearse, health.
      kind: 'text!',
      // good, warning, bad.
      verdict: 'text!',
      message: 'text!',
      // JSON object of numbers.
      figures: 'text!',
      started_at: 'int!',
      finished_at: 'int!',
      ...TIMES,
    },
  },
  {
    name: 'clusters',
    key: ['name'],
    columns: {
      name: 'text!',
      // proxmox-api, csv.
      origin: 'text!',
      api_url: 'text',
      fingerprint: 'text',
      version: 'text',
      observe_only: 'int!',
      imported_by: 'text!',
      ...TIMES,
    },
  },
  {
    name: 'cluster_members',
    key: ['node_uuid'],
    ofNode: true,
    columns: {
      node_uuid: 'text!',
      cluster: 'text!',
      // What the cluster calls the node.
      member: 'text!',
      // JSON array.
      addresses: 'text!',
      ...TIMES,
    },
  },
];

const INDEXES: readonly Index[] = [
  { table: 'agent_orders', columns: ['node_uuid', 'key'], unique: true },
  { table: 'agent_orders', columns: ['state', 'created_at'] },
  { table: 'enrolments', columns: ['state'] },
  { table: 'node_checks', columns: ['node_uuid', 'kind', 'finished_at'] },
  { table: 'cluster_members', columns: ['cluster', 'member'], unique: true },
];
