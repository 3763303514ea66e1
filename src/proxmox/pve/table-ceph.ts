// Ceph: its daemons, pools, flags: facts of the API schema that Proxmox VE 9.1 publishes (pve-docs, api-viewer/apidata.js). Data only.

import type { PveTable } from './table-types.ts';

export const CEPH_CALLS: PveTable = {
  'GET /cluster/ceph/metadata': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { scope: { type: 'string', optional: true, enum: ['all', 'versions'] } },
  },
  'GET /cluster/ceph/status': { needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1], parameters: {} },
  'GET /cluster/ceph/flags': { needs: ['perm', '/', ['Sys.Audit']], parameters: {} },
  'PUT /cluster/ceph/flags': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      nobackfill: { type: 'boolean', optional: true },
      'nodeep-scrub': { type: 'boolean', optional: true },
      nodown: { type: 'boolean', optional: true },
      noin: { type: 'boolean', optional: true },
      noout: { type: 'boolean', optional: true },
      norebalance: { type: 'boolean', optional: true },
      norecover: { type: 'boolean', optional: true },
      noscrub: { type: 'boolean', optional: true },
      notieragent: { type: 'boolean', optional: true },
      noup: { type: 'boolean', optional: true },
      pause: { type: 'boolean', optional: true },
    },
  },
  'GET /cluster/ceph/flags/{flag}': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: {
      flag: {
        type: 'string',
        enum: [
          'nobackfill',
          'nodeep-scrub',
          'nodown',
          'noin',
          'noout',
          'norebalance',
          'norecover',
          'noscrub',
          'notieragent',
          'noup',
          'pause',
        ],
      },
    },
  },
  'PUT /cluster/ceph/flags/{flag}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      flag: {
        type: 'string',
        enum: [
          'nobackfill',
          'nodeep-scrub',
          'nodown',
          'noin',
          'noout',
          'norebalance',
          'norecover',
          'noscrub',
          'notieragent',
          'noup',
          'pause',
        ],
      },
      value: { type: 'boolean' },
    },
  },
  'POST /nodes/{node}/ceph/init': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      'cluster-network': { type: 'string', optional: true, format: 'CIDR', maxLength: 128, requires: 'network' },
      disable_cephx: { type: 'boolean', optional: true },
      min_size: { type: 'integer', optional: true, minimum: 1, maximum: 7 },
      network: { type: 'string', optional: true, format: 'CIDR', maxLength: 128 },
      node: { type: 'string', format: 'pve-node' },
      pg_bits: { type: 'integer', optional: true, minimum: 6, maximum: 14 },
      size: { type: 'integer', optional: true, minimum: 1, maximum: 7 },
    },
  },
  'GET /nodes/{node}/ceph/status': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'GET /nodes/{node}/ceph/cfg/raw': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'GET /nodes/{node}/ceph/cfg/db': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'GET /nodes/{node}/ceph/crush': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'GET /nodes/{node}/ceph/rules': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'GET /nodes/{node}/ceph/cmd-safety': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: {
      action: { type: 'string', enum: ['stop', 'destroy'] },
      id: { type: 'string' },
      node: { type: 'string', format: 'pve-node' },
      service: { type: 'string', enum: ['osd', 'mon', 'mds'] },
    },
  },
  'GET /nodes/{node}/ceph/mon': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/ceph/mon/{monid}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      'mon-address': { type: 'string', optional: true, format: 'ip-list' },
      monid: { type: 'string', optional: true, maxLength: 200, pattern: '[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'DELETE /nodes/{node}/ceph/mon/{monid}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      monid: { type: 'string', pattern: '[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'GET /nodes/{node}/ceph/mgr': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/ceph/mgr/{id}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      id: { type: 'string', optional: true, maxLength: 200, pattern: '[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'DELETE /nodes/{node}/ceph/mgr/{id}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      id: { type: 'string', pattern: '[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'GET /nodes/{node}/ceph/mds': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/ceph/mds/{name}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      hotstandby: { type: 'boolean', optional: true },
      name: { type: 'string', optional: true, maxLength: 200, pattern: '[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'DELETE /nodes/{node}/ceph/mds/{name}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      name: { type: 'string', pattern: '[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?' },
      node: { type: 'string', format: 'pve-node' },
    },
  },
  'GET /nodes/{node}/ceph/osd': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/ceph/osd': {
    needs: 'root',
    parameters: {
      'crush-device-class': { type: 'string', optional: true },
      db_dev: { type: 'string', optional: true },
      db_dev_size: { type: 'number', optional: true, minimum: 1, requires: 'db_dev' },
      dev: { type: 'string' },
      encrypted: { type: 'boolean', optional: true },
      node: { type: 'string', format: 'pve-node' },
      'osds-per-device': { type: 'integer', optional: true, minimum: 1 },
      wal_dev: { type: 'string', optional: true },
      wal_dev_size: { type: 'number', optional: true, minimum: 0.5, requires: 'wal_dev' },
    },
  },
  'DELETE /nodes/{node}/ceph/osd/{osdid}': {
    needs: 'root',
    parameters: { cleanup: { type: 'boolean', optional: true }, node: { type: 'string', format: 'pve-node' }, osdid: { type: 'integer' } },
  },
  'GET /nodes/{node}/ceph/osd/{osdid}/metadata': {
    needs: ['perm', '/', ['Sys.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' }, osdid: { type: 'integer' } },
  },
  'GET /nodes/{node}/ceph/osd/{osdid}/lv-info': {
    needs: ['perm', '/', ['Sys.Audit'], 'any', 1],
    parameters: {
      node: { type: 'string', format: 'pve-node' },
      osdid: { type: 'integer' },
      type: { type: 'string', optional: true, enum: ['block', 'db', 'wal'] },
    },
  },
  'POST /nodes/{node}/ceph/osd/{osdid}/in': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: { node: { type: 'string', format: 'pve-node' }, osdid: { type: 'integer' } },
  },
  'POST /nodes/{node}/ceph/osd/{osdid}/out': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: { node: { type: 'string', format: 'pve-node' }, osdid: { type: 'integer' } },
  },
  'POST /nodes/{node}/ceph/osd/{osdid}/scrub': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: { deep: { type: 'boolean', optional: true }, node: { type: 'string', format: 'pve-node' }, osdid: { type: 'integer' } },
  },
  'GET /nodes/{node}/ceph/pool': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/ceph/pool': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      add_storages: { type: 'boolean', optional: true },
      application: { type: 'string', optional: true, enum: ['rbd', 'cephfs', 'rgw'] },
      crush_rule: { type: 'string', optional: true },
      'erasure-coding': {
        type: 'string',
        optional: true,
        format: {
          'device-class': { type: 'string', optional: true },
          'failure-domain': { type: 'string', optional: true },
          k: { type: 'integer', minimum: 2 },
          m: { type: 'integer', minimum: 1 },
          profile: { type: 'string', optional: true },
        },
      },
      min_size: { type: 'integer', optional: true, minimum: 1, maximum: 7 },
      name: { type: 'string', pattern: '(?^:^[^:/\\s]+$)' },
      node: { type: 'string', format: 'pve-node' },
      pg_autoscale_mode: { type: 'string', optional: true, enum: ['on', 'off', 'warn'] },
      pg_num: { type: 'integer', optional: true, minimum: 1, maximum: 32768 },
      pg_num_min: { type: 'integer', optional: true, maximum: 32768 },
      size: { type: 'integer', optional: true, minimum: 1, maximum: 7 },
      target_size: { type: 'string', optional: true, pattern: '^(\\d+(\\.\\d+)?)([KMGT])?$' },
      target_size_ratio: { type: 'number', optional: true },
    },
  },
  'PUT /nodes/{node}/ceph/pool/{name}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      application: { type: 'string', optional: true, enum: ['rbd', 'cephfs', 'rgw'] },
      crush_rule: { type: 'string', optional: true },
      min_size: { type: 'integer', optional: true, minimum: 1, maximum: 7 },
      name: { type: 'string', pattern: '(?^:^[^:/\\s]+$)' },
      node: { type: 'string', format: 'pve-node' },
      pg_autoscale_mode: { type: 'string', optional: true, enum: ['on', 'off', 'warn'] },
      pg_num: { type: 'integer', optional: true, minimum: 1, maximum: 32768 },
      pg_num_min: { type: 'integer', optional: true, maximum: 32768 },
      size: { type: 'integer', optional: true, minimum: 1, maximum: 7 },
      target_size: { type: 'string', optional: true, pattern: '^(\\d+(\\.\\d+)?)([KMGT])?$' },
      target_size_ratio: { type: 'number', optional: true },
    },
  },
  'DELETE /nodes/{node}/ceph/pool/{name}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      force: { type: 'boolean', optional: true },
      name: { type: 'string' },
      node: { type: 'string', format: 'pve-node' },
      remove_ecprofile: { type: 'boolean', optional: true },
      remove_storages: { type: 'boolean', optional: true },
    },
  },
  'GET /nodes/{node}/ceph/pool/{name}/status': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { name: { type: 'string' }, node: { type: 'string', format: 'pve-node' }, verbose: { type: 'boolean', optional: true } },
  },
  'GET /nodes/{node}/ceph/fs': {
    needs: ['perm', '/', ['Sys.Audit', 'Datastore.Audit'], 'any', 1],
    parameters: { node: { type: 'string', format: 'pve-node' } },
  },
  'POST /nodes/{node}/ceph/fs/{name}': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      'add-storage': { type: 'boolean', optional: true },
      name: { type: 'string', optional: true, pattern: '(?^:^[^:/\\s]+$)' },
      node: { type: 'string', format: 'pve-node' },
      pg_num: { type: 'integer', optional: true, minimum: 8, maximum: 32768 },
    },
  },
  'POST /nodes/{node}/ceph/start': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      node: { type: 'string', format: 'pve-node' },
      service: { type: 'string', optional: true, pattern: '(ceph|mon|mds|osd|mgr)(\\.[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?)?' },
    },
  },
  'POST /nodes/{node}/ceph/stop': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      node: { type: 'string', format: 'pve-node' },
      service: { type: 'string', optional: true, pattern: '(ceph|mon|mds|osd|mgr)(\\.[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?)?' },
    },
  },
  'POST /nodes/{node}/ceph/restart': {
    needs: ['perm', '/', ['Sys.Modify']],
    parameters: {
      node: { type: 'string', format: 'pve-node' },
      service: { type: 'string', optional: true, pattern: '(mon|mds|osd|mgr)(\\.[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?)?' },
    },
  },
};
