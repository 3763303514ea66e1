// Notifications: facts of the API schema that Proxmox VE 9.1 publishes (pve-docs, api-viewer/apidata.js). Data only.

import type { PveTable } from './table-types.ts';

export const NOTIFICATIONS_CALLS: PveTable = {
  'GET /cluster/notifications/targets': {
    needs: [
      'or',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['perm', '/mapping/notifications', ['Mapping.Audit']],
      ['perm', '/mapping/notifications', ['Mapping.Use']],
    ],
    parameters: {},
  },
  'POST /cluster/notifications/targets/{name}/test': {
    needs: [
      'or',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['perm', '/mapping/notifications', ['Mapping.Audit']],
      ['perm', '/mapping/notifications', ['Mapping.Use']],
    ],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/notifications/matchers': {
    needs: [
      'or',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['perm', '/mapping/notifications', ['Mapping.Audit']],
      ['perm', '/mapping/notifications', ['Mapping.Use']],
    ],
    parameters: {},
  },
  'POST /cluster/notifications/matchers': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: {
      comment: { type: 'string', optional: true },
      disable: { type: 'boolean', optional: true },
      'invert-match': { type: 'boolean', optional: true },
      'match-calendar': { type: 'array', optional: true, items: { type: 'string' } },
      'match-field': { type: 'array', optional: true, items: { type: 'string' } },
      'match-severity': { type: 'array', optional: true, items: { type: 'string' } },
      mode: { type: 'string', optional: true, enum: ['all', 'any'] },
      name: { type: 'string', format: 'pve-configid' },
      target: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
    },
  },
  'GET /cluster/notifications/matchers/{name}': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'PUT /cluster/notifications/matchers/{name}': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: {
      comment: { type: 'string', optional: true },
      delete: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
      digest: { type: 'string', optional: true, maxLength: 64 },
      disable: { type: 'boolean', optional: true },
      'invert-match': { type: 'boolean', optional: true },
      'match-calendar': { type: 'array', optional: true, items: { type: 'string' } },
      'match-field': { type: 'array', optional: true, items: { type: 'string' } },
      'match-severity': { type: 'array', optional: true, items: { type: 'string' } },
      mode: { type: 'string', optional: true, enum: ['all', 'any'] },
      name: { type: 'string', format: 'pve-configid' },
      target: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
    },
  },
  'DELETE /cluster/notifications/matchers/{name}': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/notifications/endpoints/sendmail': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: {},
  },
  'POST /cluster/notifications/endpoints/sendmail': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      author: { type: 'string', optional: true },
      comment: { type: 'string', optional: true },
      disable: { type: 'boolean', optional: true },
      'from-address': { type: 'string', optional: true },
      mailto: { type: 'array', optional: true, items: { type: 'string', format: 'email-or-username' } },
      'mailto-user': { type: 'array', optional: true, items: { type: 'string', format: 'pve-userid' } },
      name: { type: 'string', format: 'pve-configid' },
    },
  },
  'GET /cluster/notifications/endpoints/sendmail/{name}': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'PUT /cluster/notifications/endpoints/sendmail/{name}': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      author: { type: 'string', optional: true },
      comment: { type: 'string', optional: true },
      delete: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
      digest: { type: 'string', optional: true, maxLength: 64 },
      disable: { type: 'boolean', optional: true },
      'from-address': { type: 'string', optional: true },
      mailto: { type: 'array', optional: true, items: { type: 'string', format: 'email-or-username' } },
      'mailto-user': { type: 'array', optional: true, items: { type: 'string', format: 'pve-userid' } },
      name: { type: 'string', format: 'pve-configid' },
    },
  },
  'DELETE /cluster/notifications/endpoints/sendmail/{name}': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/notifications/endpoints/gotify': { needs: ['perm', '/mapping/notifications', ['Mapping.Audit']], parameters: {} },
  'POST /cluster/notifications/endpoints/gotify': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      comment: { type: 'string', optional: true },
      disable: { type: 'boolean', optional: true },
      name: { type: 'string', format: 'pve-configid' },
      server: { type: 'string' },
      token: { type: 'string' },
    },
  },
  'GET /cluster/notifications/endpoints/gotify/{name}': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'PUT /cluster/notifications/endpoints/gotify/{name}': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      comment: { type: 'string', optional: true },
      delete: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
      digest: { type: 'string', optional: true, maxLength: 64 },
      disable: { type: 'boolean', optional: true },
      name: { type: 'string', format: 'pve-configid' },
      server: { type: 'string', optional: true },
      token: { type: 'string', optional: true },
    },
  },
  'DELETE /cluster/notifications/endpoints/gotify/{name}': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/notifications/endpoints/smtp': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: {},
  },
  'POST /cluster/notifications/endpoints/smtp': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      author: { type: 'string', optional: true },
      comment: { type: 'string', optional: true },
      disable: { type: 'boolean', optional: true },
      'from-address': { type: 'string' },
      mailto: { type: 'array', optional: true, items: { type: 'string', format: 'email-or-username' } },
      'mailto-user': { type: 'array', optional: true, items: { type: 'string', format: 'pve-userid' } },
      mode: { type: 'string', optional: true, enum: ['insecure', 'starttls', 'tls'] },
      name: { type: 'string', format: 'pve-configid' },
      password: { type: 'string', optional: true },
      port: { type: 'integer', optional: true },
      server: { type: 'string' },
      username: { type: 'string', optional: true },
    },
  },
  'GET /cluster/notifications/endpoints/smtp/{name}': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'PUT /cluster/notifications/endpoints/smtp/{name}': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      author: { type: 'string', optional: true },
      comment: { type: 'string', optional: true },
      delete: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
      digest: { type: 'string', optional: true, maxLength: 64 },
      disable: { type: 'boolean', optional: true },
      'from-address': { type: 'string', optional: true },
      mailto: { type: 'array', optional: true, items: { type: 'string', format: 'email-or-username' } },
      'mailto-user': { type: 'array', optional: true, items: { type: 'string', format: 'pve-userid' } },
      mode: { type: 'string', optional: true, enum: ['insecure', 'starttls', 'tls'] },
      name: { type: 'string', format: 'pve-configid' },
      password: { type: 'string', optional: true },
      port: { type: 'integer', optional: true },
      server: { type: 'string', optional: true },
      username: { type: 'string', optional: true },
    },
  },
  'DELETE /cluster/notifications/endpoints/smtp/{name}': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'GET /cluster/notifications/endpoints/webhook': { needs: ['perm', '/mapping/notifications', ['Mapping.Audit']], parameters: {} },
  'POST /cluster/notifications/endpoints/webhook': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      body: { type: 'string', optional: true },
      comment: { type: 'string', optional: true },
      disable: { type: 'boolean', optional: true },
      header: { type: 'array', optional: true, items: { type: 'string' } },
      method: { type: 'string', enum: ['post', 'put', 'get'] },
      name: { type: 'string', format: 'pve-configid' },
      secret: { type: 'array', optional: true, items: { type: 'string' } },
      url: { type: 'string' },
    },
  },
  'GET /cluster/notifications/endpoints/webhook/{name}': {
    needs: ['or', ['perm', '/mapping/notifications', ['Mapping.Modify']], ['perm', '/mapping/notifications', ['Mapping.Audit']]],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
  'PUT /cluster/notifications/endpoints/webhook/{name}': {
    needs: [
      'and',
      ['perm', '/mapping/notifications', ['Mapping.Modify']],
      ['or', ['perm', '/', ['Sys.Audit', 'Sys.Modify']], ['perm', '/', ['Sys.AccessNetwork']]],
    ],
    parameters: {
      body: { type: 'string', optional: true },
      comment: { type: 'string', optional: true },
      delete: { type: 'array', optional: true, items: { type: 'string', format: 'pve-configid' } },
      digest: { type: 'string', optional: true, maxLength: 64 },
      disable: { type: 'boolean', optional: true },
      header: { type: 'array', optional: true, items: { type: 'string' } },
      method: { type: 'string', optional: true, enum: ['post', 'put', 'get'] },
      name: { type: 'string', format: 'pve-configid' },
      secret: { type: 'array', optional: true, items: { type: 'string' } },
      url: { type: 'string', optional: true },
    },
  },
  'DELETE /cluster/notifications/endpoints/webhook/{name}': {
    needs: ['perm', '/mapping/notifications', ['Mapping.Modify']],
    parameters: { name: { type: 'string', format: 'pve-configid' } },
  },
};
