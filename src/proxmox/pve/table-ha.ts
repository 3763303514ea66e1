// High availability: resources, groups (8), rules (9): facts of the API schema that Proxmox VE 9.1 publishes (pve-docs, api-viewer/apidata.js). Data only.

import type { PveTable } from './table-types.ts';

export const HA_CALLS: PveTable = {
  'GET /cluster/ha/resources': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: { type: { type: 'string', optional: true, enum: ['ct', 'vm'] } },
  },
  'POST /cluster/ha/resources': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: {
      comment: { type: 'string', optional: true, maxLength: 4096 },
      failback: { type: 'boolean', optional: true },
      group: { type: 'string', optional: true, format: 'pve-configid' },
      max_relocate: { type: 'integer', optional: true, minimum: 0 },
      max_restart: { type: 'integer', optional: true, minimum: 0 },
      sid: { type: 'string', format: 'pve-ha-resource-or-vm-id' },
      state: { type: 'string', optional: true, enum: ['started', 'stopped', 'enabled', 'disabled', 'ignored'] },
      type: { type: 'string', optional: true, enum: ['ct', 'vm'] },
    },
  },
  'GET /cluster/ha/resources/{sid}': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: { sid: { type: 'string', format: 'pve-ha-resource-or-vm-id' } },
  },
  'PUT /cluster/ha/resources/{sid}': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: {
      comment: { type: 'string', optional: true, maxLength: 4096 },
      delete: { type: 'string', optional: true, format: 'pve-configid-list', maxLength: 4096 },
      digest: { type: 'string', optional: true, maxLength: 64 },
      failback: { type: 'boolean', optional: true },
      group: { type: 'string', optional: true, format: 'pve-configid' },
      max_relocate: { type: 'integer', optional: true, minimum: 0 },
      max_restart: { type: 'integer', optional: true, minimum: 0 },
      sid: { type: 'string', format: 'pve-ha-resource-or-vm-id' },
      state: { type: 'string', optional: true, enum: ['started', 'stopped', 'enabled', 'disabled', 'ignored'] },
    },
  },
  'DELETE /cluster/ha/resources/{sid}': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: { purge: { type: 'boolean', optional: true }, sid: { type: 'string', format: 'pve-ha-resource-or-vm-id' } },
  },
  'GET /cluster/ha/groups': { needs: ['perm', '/', ['Sys.Audit']], parameters: {} },
  'POST /cluster/ha/groups': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: {
      comment: { type: 'string', optional: true, maxLength: 4096 },
      group: { type: 'string', format: 'pve-configid' },
      nodes: { type: 'string', format: 'pve-ha-node-list' },
      nofailback: { type: 'boolean', optional: true },
      restricted: { type: 'boolean', optional: true },
      type: { type: 'string', optional: true, enum: ['group'] },
    },
  },
  'GET /cluster/ha/groups/{group}': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: { group: { type: 'string', format: 'pve-configid' } },
  },
  'PUT /cluster/ha/groups/{group}': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: {
      comment: { type: 'string', optional: true, maxLength: 4096 },
      delete: { type: 'string', optional: true, format: 'pve-configid-list', maxLength: 4096 },
      digest: { type: 'string', optional: true, maxLength: 64 },
      group: { type: 'string', format: 'pve-configid' },
      nodes: { type: 'string', optional: true, format: 'pve-ha-node-list' },
      nofailback: { type: 'boolean', optional: true },
      restricted: { type: 'boolean', optional: true },
    },
  },
  'DELETE /cluster/ha/groups/{group}': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: { group: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/ha/rules': {
    needs: ['perm', '/', ['Sys.Audit']],
    parameters: {
      resource: { type: 'string', optional: true },
      type: { type: 'string', optional: true, enum: ['node-affinity', 'resource-affinity'] },
    },
  },
  'POST /cluster/ha/rules': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: {
      affinity: { type: 'string', optional: true, enum: ['positive', 'negative'] },
      comment: { type: 'string', optional: true, maxLength: 4096 },
      disable: { type: 'boolean', optional: true },
      nodes: { type: 'string', optional: true, format: 'pve-ha-node-list' },
      resources: { type: 'string', format: 'pve-ha-resource-id-list' },
      rule: { type: 'string', format: 'pve-configid' },
      strict: { type: 'boolean', optional: true },
      type: { type: 'string', enum: ['node-affinity', 'resource-affinity'] },
    },
  },
  'GET /cluster/ha/rules/{rule}': { needs: ['perm', '/', ['Sys.Audit']], parameters: { rule: { type: 'string', format: 'pve-configid' } } },
  'PUT /cluster/ha/rules/{rule}': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: {
      affinity: { type: 'string', optional: true, enum: ['positive', 'negative'] },
      comment: { type: 'string', optional: true, maxLength: 4096 },
      delete: { type: 'string', optional: true, format: 'pve-configid-list', maxLength: 4096 },
      digest: { type: 'string', optional: true, maxLength: 64 },
      disable: { type: 'boolean', optional: true },
      nodes: { type: 'string', optional: true, format: 'pve-ha-node-list' },
      resources: { type: 'string', optional: true, format: 'pve-ha-resource-id-list' },
      rule: { type: 'string', format: 'pve-configid' },
      strict: { type: 'boolean', optional: true },
      type: { type: 'string', enum: ['node-affinity', 'resource-affinity'] },
    },
  },
  'DELETE /cluster/ha/rules/{rule}': {
    needs: ['perm', '/', ['Sys.Console']],
    parameters: { rule: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/ha/status/current': { needs: ['perm', '/', ['Sys.Audit']], parameters: {} },
  'GET /cluster/ha/status/manager_status': { needs: ['perm', '/', ['Sys.Audit']], parameters: {} },
};
