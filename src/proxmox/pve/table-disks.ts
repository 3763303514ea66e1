// Disks and what is made of them: facts of the API schema that Proxmox VE 9.1 publishes (pve-docs, api-viewer/apidata.js). Data only.

import type { PveTable } from './table-types.ts';

export const DISKS_CALLS: PveTable = {
  'GET /nodes/{node}/disks/list': {
    needs: ['or', ['perm', '/', ['Sys.Audit']], ['perm', '/nodes/{node}', ['Sys.Audit']]],
    parameters: {
      'include-partitions': { type: 'boolean', optional: true },
      node: { type: 'string', format: 'pve-node' },
      skipsmart: { type: 'boolean', optional: true },
      type: { type: 'string', optional: true, enum: ['unused', 'journal_disks'] },
    },
  },
  'GET /nodes/{node}/disks/smart': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: {
      disk: { type: 'string', pattern: '^/dev/[a-zA-Z0-9\\/]+$' },
      healthonly: { type: 'boolean', optional: true },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'POST /nodes/{node}/disks/initgpt': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      disk: { type: 'string', pattern: '^/dev/[a-zA-Z0-9\\/]+$' },
      node: { type: 'string', format: 'pve-node' },
      uuid: { type: 'string', optional: true, maxLength: 36, pattern: '[a-fA-F0-9\\-]+' },
    },
  },
  'PUT /nodes/{node}/disks/wipedisk': {
    needs: 'root',
    parameters: { disk: { type: 'string', pattern: '^/dev/[a-zA-Z0-9\\/]+$' }, node: { type: 'string', format: 'pve-node' } },
  },
  'GET /nodes/{node}/disks/zfs': { needs: ['perm', '/', ['Sys.Audit']], parameters: { node: { type: 'string', format: 'pve-node' } } },
  'POST /nodes/{node}/disks/zfs': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      add_storage: { type: 'boolean', optional: true },
      ashift: { type: 'integer', optional: true, minimum: 9, maximum: 16 },
      compression: { type: 'string', optional: true, enum: ['on', 'off', 'gzip', 'lz4', 'lzjb', 'zle', 'zstd'] },
      devices: { type: 'string', format: 'string-list' },
      'draid-config': {
        type: 'string',
        optional: true,
        format: { data: { type: 'integer', minimum: 1 }, spares: { type: 'integer', minimum: 0 } },
      },
      name: { type: 'string', format: 'pve-storage-id' },
      node: { type: 'string', format: 'pve-node' },
      raidlevel: { type: 'string', enum: ['single', 'mirror', 'raid10', 'raidz', 'raidz2', 'raidz3', 'draid', 'draid2', 'draid3'] },
    },
  },
  'GET /nodes/{node}/disks/zfs/{name}': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: { name: { type: 'string', format: 'pve-storage-id' }, node: { type: 'string', format: 'pve-node' } },
  },
  'DELETE /nodes/{node}/disks/zfs/{name}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      'cleanup-config': { type: 'boolean', optional: true },
      'cleanup-disks': { type: 'boolean', optional: true },
      name: { type: 'string', format: 'pve-storage-id' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'GET /nodes/{node}/disks/lvm': { needs: ['perm', '/', ['Sys.Audit']], parameters: { node: { type: 'string', format: 'pve-node' } } },
  'POST /nodes/{node}/disks/lvm': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      add_storage: { type: 'boolean', optional: true },
      device: { type: 'string' },
      name: { type: 'string', format: 'pve-storage-id' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'GET /nodes/{node}/disks/lvmthin': { needs: ['perm', '/', ['Sys.Audit']], parameters: { node: { type: 'string', format: 'pve-node' } } },
  'POST /nodes/{node}/disks/lvmthin': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      add_storage: { type: 'boolean', optional: true },
      device: { type: 'string' },
      name: { type: 'string', format: 'pve-storage-id' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'GET /nodes/{node}/disks/directory': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/disks/directory': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      add_storage: { type: 'boolean', optional: true },
      device: { type: 'string' },
      filesystem: { type: 'string', optional: true, enum: ['ext4', 'xfs'] },
      name: { type: 'string', format: 'pve-storage-id' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
};
