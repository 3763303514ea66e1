// Fabrics of software-defined networks: facts of the API schema that Proxmox VE 9.1 publishes (pve-docs, api-viewer/apidata.js). Data only.

import type { PveTable } from './table-types.ts';

export const FABRICS_CALLS: PveTable = {
  'GET /cluster/sdn/fabrics/fabric': {
    needs: 'all',
    parameters: { pending: { type: 'boolean', optional: true }, running: { type: 'boolean', optional: true } },
  },
  'POST /cluster/sdn/fabrics/fabric': {
    needs: ['perm', '/sdn/fabrics', ['SDN.Allocate']],
    parameters: {
      area: { type: 'string', optional: true },
      csnp_interval: { type: 'number', optional: true, minimum: 1, maximum: 600 },
      digest: { type: 'string', optional: true, maxLength: 64 },
      hello_interval: { type: 'number', optional: true, minimum: 1, maximum: 600 },
      id: { type: 'string', format: 'pve-sdn-fabric-id' },
      ip6_prefix: { type: 'string', optional: true, format: 'CIDR' },
      ip_prefix: { type: 'string', optional: true, format: 'CIDR' },
      'lock-token': { type: 'string', optional: true },
      protocol: { type: 'string', enum: ['openfabric', 'ospf'] },
    },
  },
  'GET /cluster/sdn/fabrics/fabric/{id}': {
    needs: ['perm', '/sdn/fabrics/{id}', ['SDN.Audit', 'SDN.Allocate'], 'any', 1],
    parameters: { id: { type: 'string', format: 'pve-sdn-fabric-id' } },
  },
  'PUT /cluster/sdn/fabrics/fabric/{id}': {
    needs: ['perm', '/sdn/fabrics/{id}', ['SDN.Allocate']],
    parameters: {
      area: { type: 'string', optional: true },
      csnp_interval: { type: 'number', optional: true, minimum: 1, maximum: 600 },
      delete: { type: 'array' },
      digest: { type: 'string', optional: true, maxLength: 64 },
      hello_interval: { type: 'number', optional: true, minimum: 1, maximum: 600 },
      id: { type: 'string', format: 'pve-sdn-fabric-id' },
      ip6_prefix: { type: 'string', optional: true, format: 'CIDR' },
      ip_prefix: { type: 'string', optional: true, format: 'CIDR' },
      'lock-token': { type: 'string', optional: true },
      protocol: { type: 'string', enum: ['openfabric', 'ospf'] },
    },
  },
  'DELETE /cluster/sdn/fabrics/fabric/{id}': {
    needs: ['perm', '/sdn/fabrics/{id}', ['SDN.Allocate']],
    parameters: { id: { type: 'string', format: 'pve-sdn-fabric-id' } },
  },
  'GET /cluster/sdn/fabrics/node/{fabric_id}': {
    needs: ['perm', '/sdn/fabrics/{fabric_id}', ['SDN.Audit']],
    parameters: {
      fabric_id: { type: 'string', format: 'pve-sdn-fabric-id' },
      pending: { type: 'boolean', optional: true },
      running: { type: 'boolean', optional: true },
    },
  },
  'POST /cluster/sdn/fabrics/node/{fabric_id}': {
    needs: ['and', ['perm', '/sdn/fabrics/{fabric_id}', ['SDN.Allocate']], ['perm', '/nodes/{node_id}', ['Sys.Modify']]],
    parameters: {
      digest: { type: 'string', optional: true, maxLength: 64 },
      fabric_id: { type: 'string', format: 'pve-sdn-fabric-id' },
      interfaces: { type: 'array' },
      ip: { type: 'string', optional: true, format: 'ipv4' },
      ip6: { type: 'string', optional: true, format: 'ipv6' },
      'lock-token': { type: 'string', optional: true },
      node_id: { type: 'string', format: 'pve-node' },
      protocol: { type: 'string', enum: ['openfabric', 'ospf'] },
    },
  },
  'GET /cluster/sdn/fabrics/node/{fabric_id}/{node_id}': {
    needs: [
      'and',
      ['perm', '/sdn/fabrics/{fabric_id}', ['SDN.Audit', 'SDN.Allocate'], 'any', 1],
      ['perm', '/nodes/{node_id}', ['Sys.Audit', 'Sys.Modify'], 'any', 1],
    ],
    parameters: { fabric_id: { type: 'string', format: 'pve-sdn-fabric-id' }, node_id: { type: 'string', format: 'pve-node' } },
  },
  'PUT /cluster/sdn/fabrics/node/{fabric_id}/{node_id}': {
    needs: ['and', ['perm', '/sdn/fabrics/{fabric_id}', ['SDN.Allocate']], ['perm', '/nodes/{node_id}', ['Sys.Modify']]],
    parameters: {
      delete: { type: 'array', optional: true, items: { type: 'string', enum: ['interfaces', 'ip', 'ip6'] } },
      digest: { type: 'string', optional: true, maxLength: 64 },
      fabric_id: { type: 'string', format: 'pve-sdn-fabric-id' },
      interfaces: { type: 'array' },
      ip: { type: 'string', optional: true, format: 'ipv4' },
      ip6: { type: 'string', optional: true, format: 'ipv6' },
      'lock-token': { type: 'string', optional: true },
      node_id: { type: 'string', format: 'pve-node' },
      protocol: { type: 'string', enum: ['openfabric', 'ospf'] },
    },
  },
  'DELETE /cluster/sdn/fabrics/node/{fabric_id}/{node_id}': {
    needs: ['and', ['perm', '/sdn/fabrics/{fabric_id}', ['SDN.Allocate']], ['perm', '/nodes/{node_id}', ['Sys.Modify']]],
    parameters: { fabric_id: { type: 'string', format: 'pve-sdn-fabric-id' }, node_id: { type: 'string', format: 'pve-node' } },
  },
};
