// The first tables. Once released this file is never edited: a change is a new migration.

import type { ColumnTypes, Migration, MigrationTx } from './types.ts';

export const spine: Migration = {
  version: 1,
  name: 'spine',
  async up(tx, types) {
    await makeBookkeeping(tx, types);
    await makeNodes(tx, types);
    await makeNodeDetails(tx, types);
    await makeEvents(tx, types);
    await makeTasks(tx, types);
    await makeBooting(tx, types);
    await makeIndexes(tx);
    await tx
      .insertInto('counters')
      .values([
        { name: 'events', value: 0 },
        { name: 'fence', value: 0 },
      ])
      .execute();
  },
};

async function makeBookkeeping(tx: MigrationTx, { int, text, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable('meta')
      .addColumn('key', text, (c) => c.primaryKey().notNull())
      .addColumn('value', text, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('counters')
      .addColumn('name', text, (c) => c.primaryKey().notNull())
      .addColumn('value', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('settings')
      .addColumn('key', text, (c) => c.primaryKey().notNull())
      .addColumn('value', text, (c) => c.notNull())
      .addColumn('updated_at', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('secrets')
      .addColumn('name', text, (c) => c.primaryKey().notNull())
      .addColumn('sealed', text, (c) => c.notNull())
      .addColumn('updated_at', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('leases')
      .addColumn('key', text, (c) => c.primaryKey().notNull())
      .addColumn('holder', text, (c) => c.notNull())
      .addColumn('purpose', text, (c) => c.notNull())
      .addColumn('expires_at', int, (c) => c.notNull())
      .addColumn('fence', int, (c) => c.notNull()),
  ).execute();
}

async function makeNodes(tx: MigrationTx, { int, text, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable('nodes')
      .addColumn('uuid', text, (c) => c.primaryKey().notNull())
      .addColumn('name', text)
      .addColumn('description', text)
      .addColumn('driver', text, (c) => c.notNull())
      .addColumn('resource_class', text)
      .addColumn('provision_state', text, (c) => c.notNull())
      .addColumn('target_provision_state', text)
      .addColumn('provision_updated_at', int)
      .addColumn('power_state', text)
      .addColumn('target_power_state', text)
      .addColumn('maintenance', int, (c) => c.notNull())
      .addColumn('maintenance_reason', text)
      .addColumn('fault', text)
      .addColumn('protected', int, (c) => c.notNull())
      .addColumn('protected_reason', text)
      .addColumn('ignored', int, (c) => c.notNull())
      .addColumn('last_error', text)
      .addColumn('properties', text, (c) => c.notNull())
      .addColumn('driver_info', text, (c) => c.notNull())
      .addColumn('driver_internal_info', text, (c) => c.notNull())
      .addColumn('instance_info', text, (c) => c.notNull())
      .addColumn('extra', text, (c) => c.notNull())
      .addColumn('instance_uuid', text)
      .addColumn('owner', text)
      .addColumn('lessee', text)
      .addColumn('smbios_uuid', text)
      .addColumn('smbios_serial', text)
      .addColumn('inspection_started_at', int)
      .addColumn('inspection_finished_at', int)
      .addColumn('created_at', int, (c) => c.notNull())
      .addColumn('updated_at', int, (c) => c.notNull())
      .addColumn('version', int, (c) => c.notNull()),
  ).execute();
}

async function makeNodeDetails(tx: MigrationTx, { int, text, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable('ports')
      .addColumn('uuid', text, (c) => c.primaryKey().notNull())
      .addColumn('node_uuid', text, (c) => c.notNull().references('nodes.uuid').onDelete('cascade'))
      .addColumn('address', text, (c) => c.notNull())
      .addColumn('name', text)
      .addColumn('pxe_enabled', int, (c) => c.notNull())
      .addColumn('local_link_connection', text, (c) => c.notNull())
      .addColumn('extra', text, (c) => c.notNull())
      .addColumn('created_at', int, (c) => c.notNull())
      .addColumn('updated_at', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('inventories')
      .addColumn('node_uuid', text, (c) => c.primaryKey().notNull().references('nodes.uuid').onDelete('cascade'))
      .addColumn('inventory', text, (c) => c.notNull())
      .addColumn('plugin_data', text, (c) => c.notNull())
      .addColumn('received_at', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('node_history')
      .addColumn('uuid', text, (c) => c.primaryKey().notNull())
      .addColumn('node_uuid', text, (c) => c.notNull().references('nodes.uuid').onDelete('cascade'))
      .addColumn('at', int, (c) => c.notNull())
      .addColumn('event', text, (c) => c.notNull())
      .addColumn('from_state', text, (c) => c.notNull())
      .addColumn('to_state', text, (c) => c.notNull())
      .addColumn('who', text, (c) => c.notNull())
      .addColumn('severity', text, (c) => c.notNull())
      .addColumn('reason', text),
  ).execute();
}

async function makeEvents(tx: MigrationTx, { int, text, autoId, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable('events')
      .addColumn('seq', int, (c) => c.primaryKey().notNull())
      .addColumn('at', int, (c) => c.notNull())
      .addColumn('type', text, (c) => c.notNull())
      .addColumn('severity', text, (c) => c.notNull())
      .addColumn('node_uuid', text)
      .addColumn('task_id', text)
      .addColumn('message', text, (c) => c.notNull())
      .addColumn('data', text, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('outbox')
      .addColumn('id', text, (c) => c.primaryKey().notNull())
      .addColumn('event_seq', int, (c) => c.notNull())
      .addColumn('kind', text, (c) => c.notNull())
      .addColumn('payload', text, (c) => c.notNull())
      .addColumn('created_at', int, (c) => c.notNull())
      .addColumn('attempts', int, (c) => c.notNull())
      .addColumn('next_at', int, (c) => c.notNull())
      .addColumn('done_at', int)
      .addColumn('last_error', text),
  ).execute();
  await finish(
    autoId(tx.schema.createTable('reasons'))
      .addColumn('subject', text, (c) => c.notNull())
      .addColumn('at', int, (c) => c.notNull())
      .addColumn('area', text, (c) => c.notNull())
      .addColumn('decision', text, (c) => c.notNull())
      .addColumn('reason', text, (c) => c.notNull())
      .addColumn('data', text, (c) => c.notNull()),
  ).execute();
}

async function makeTasks(tx: MigrationTx, { int, real, text, autoId, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable('tasks')
      .addColumn('id', text, (c) => c.primaryKey().notNull())
      .addColumn('kind', text, (c) => c.notNull())
      .addColumn('subject', text, (c) => c.notNull())
      .addColumn('node_uuid', text)
      .addColumn('locks', text, (c) => c.notNull())
      .addColumn('args', text, (c) => c.notNull())
      .addColumn('state', text, (c) => c.notNull())
      .addColumn('priority', int, (c) => c.notNull())
      .addColumn('step', int, (c) => c.notNull())
      .addColumn('progress', real, (c) => c.notNull())
      .addColumn('progress_text', text)
      .addColumn('cancel_requested', int, (c) => c.notNull())
      .addColumn('error', text)
      .addColumn('result', text)
      .addColumn('owner', text)
      .addColumn('fence', int, (c) => c.notNull())
      .addColumn('lease_until', int, (c) => c.notNull())
      .addColumn('wake_event', text)
      .addColumn('wakes', text, (c) => c.notNull())
      .addColumn('idempotency_key', text)
      .addColumn('run_after', int, (c) => c.notNull())
      .addColumn('created_at', int, (c) => c.notNull())
      .addColumn('started_at', int)
      .addColumn('finished_at', int)
      .addColumn('updated_at', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('task_steps')
      .addColumn('task_id', text, (c) => c.notNull().references('tasks.id').onDelete('cascade'))
      .addColumn('position', int, (c) => c.notNull())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('title', text, (c) => c.notNull())
      .addColumn('state', text, (c) => c.notNull())
      .addColumn('attempt', int, (c) => c.notNull())
      .addColumn('resumes', int, (c) => c.notNull())
      .addColumn('error', text)
      .addColumn('result', text)
      .addColumn('started_at', int)
      .addColumn('finished_at', int)
      .addPrimaryKeyConstraint('task_steps_pkey', ['task_id', 'position']),
  ).execute();
  await finish(
    autoId(tx.schema.createTable('task_logs'))
      .addColumn('task_id', text, (c) => c.notNull())
      .addColumn('position', int, (c) => c.notNull())
      .addColumn('at', int, (c) => c.notNull())
      .addColumn('stream', text, (c) => c.notNull())
      .addColumn('line', text, (c) => c.notNull()),
  ).execute();
}

async function makeBooting(tx: MigrationTx, { int, text, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable('dhcp_leases')
      .addColumn('address', text, (c) => c.primaryKey().notNull())
      .addColumn('subnet', text, (c) => c.notNull())
      .addColumn('mac', text, (c) => c.notNull())
      .addColumn('client_id', text)
      .addColumn('smbios_uuid', text)
      .addColumn('hostname', text)
      .addColumn('state', text, (c) => c.notNull())
      .addColumn('starts_at', int, (c) => c.notNull())
      .addColumn('expires_at', int, (c) => c.notNull()),
  ).execute();
  await finish(
    tx.schema
      .createTable('boot_secrets')
      .addColumn('hash', text, (c) => c.primaryKey().notNull())
      .addColumn('mac', text, (c) => c.notNull())
      .addColumn('smbios_uuid', text)
      .addColumn('created_at', int, (c) => c.notNull())
      .addColumn('expires_at', int, (c) => c.notNull())
      .addColumn('spent_at', int)
      .addColumn('claim_hash', text)
      .addColumn('token_hash', text)
      .addColumn('node_uuid', text),
  ).execute();
}

interface Index {
  readonly table: string;
  readonly columns: readonly string[];
  readonly unique?: true;
}

const INDEXES: readonly Index[] = [
  { table: 'nodes', columns: ['name'], unique: true },
  { table: 'nodes', columns: ['instance_uuid'], unique: true },
  { table: 'nodes', columns: ['provision_state'] },
  { table: 'nodes', columns: ['smbios_uuid'] },
  { table: 'ports', columns: ['address'], unique: true },
  { table: 'ports', columns: ['node_uuid'] },
  { table: 'node_history', columns: ['node_uuid', 'at'] },
  { table: 'events', columns: ['node_uuid', 'seq'] },
  { table: 'events', columns: ['type', 'seq'] },
  { table: 'outbox', columns: ['done_at', 'next_at'] },
  { table: 'leases', columns: ['holder'] },
  { table: 'tasks', columns: ['state', 'run_after'] },
  { table: 'tasks', columns: ['node_uuid', 'created_at'] },
  { table: 'tasks', columns: ['subject', 'created_at'] },
  { table: 'tasks', columns: ['idempotency_key'], unique: true },
  { table: 'task_logs', columns: ['task_id', 'id'] },
  { table: 'reasons', columns: ['subject', 'id'] },
  { table: 'dhcp_leases', columns: ['mac'] },
  { table: 'dhcp_leases', columns: ['expires_at'] },
  { table: 'boot_secrets', columns: ['mac'] },
  { table: 'boot_secrets', columns: ['expires_at'] },
  { table: 'boot_secrets', columns: ['token_hash'] },
];

async function makeIndexes(tx: MigrationTx): Promise<void> {
  for (const { table, columns, unique } of INDEXES) {
    const index = tx.schema
      .createIndex(`${table}_${columns.join('_')}`)
      .on(table)
      .columns([...columns]);
    await (unique === true ? index.unique() : index).execute();
  }
}
