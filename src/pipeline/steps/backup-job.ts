// A backup job of the cluster. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { listed, objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    id: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_-]+$' }),
    schedule: Type.String({ description: 'When, as a calendar event: sat 02:30.' }),
    storage: Type.String({ description: 'The storage it goes to.' }),
    vmid: Type.Optional(Type.Array(Type.String({ pattern: '^[0-9]+$' }), { description: 'These guests; without it all of them.' })),
    mode: Type.Optional(
      Type.Union([Type.Literal('snapshot'), Type.Literal('suspend'), Type.Literal('stop')], { description: 'How guests are held.' }),
    ),
    prune: Type.Optional(Type.String({ description: 'What is kept: keep-daily=7,keep-weekly=4.' })),
    options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'Its other properties as Proxmox VE calls them: compress, notes-template, …',
      default: {},
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'backup-job',
  title: 'Backup job',
  args: Args,
  describe: ({ id, schedule, storage }) => `guests are backed up to ${storage} by the job ${id}: ${schedule}`,
  object: async (context) => {
    const { id, vmid, prune, options, ...more } = context.args;
    const pve = await context.pve('node');
    return {
      what: `the backup job ${id}`,
      pve,
      find: () => listed(pve, '/cluster/backup', 'id', id),
      wanted: {
        ...options,
        ...more,
        ...(vmid === undefined ? { all: true } : { vmid }),
        ...(prune === undefined ? {} : { 'prune-backups': prune }),
      },
      create: { method: 'POST', path: '/cluster/backup', params: { id } },
      update: { path: '/cluster/backup/{id}', params: { id } },
    };
  },
});
