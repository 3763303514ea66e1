// Users, tokens, roles, ACLs: facts of the API schema that Proxmox VE 9.1 publishes (pve-docs, api-viewer/apidata.js). Data only.

import type { PveTable } from './table-types.ts';

export const ACCESS_CALLS: PveTable = {
  'GET /access/ticket': { needs: 'world', parameters: {} },
  'POST /access/ticket': {
    needs: 'world',
    parameters: {
      'new-format': { type: 'boolean', optional: true },
      otp: { type: 'string', optional: true },
      password: { type: 'string' },
      path: { type: 'string', optional: true, maxLength: 64, requires: 'privs' },
      privs: { type: 'string', optional: true, format: 'pve-priv-list', maxLength: 64, requires: 'path' },
      realm: { type: 'string', optional: true, format: 'pve-realm', maxLength: 32 },
      'tfa-challenge': { type: 'string', optional: true },
      username: { type: 'string', maxLength: 64 },
    },
  },
  'GET /access/users': {
    needs: 'all',
    parameters: { enabled: { type: 'boolean', optional: true }, full: { type: 'boolean', optional: true } },
  },
  'POST /access/users': {
    needs: ['and', ['userid-param', 'Realm.AllocateUser'], ['userid-group', ['User.Modify'], 'groups_param', 'create']],
    parameters: {
      comment: { type: 'string', optional: true, maxLength: 2048 },
      email: { type: 'string', optional: true, format: 'email-opt', maxLength: 254 },
      enable: { type: 'boolean', optional: true },
      expire: { type: 'integer', optional: true, minimum: 0 },
      firstname: { type: 'string', optional: true, maxLength: 1024 },
      groups: { type: 'string', optional: true, format: 'pve-groupid-list' },
      keys: { type: 'string', optional: true, pattern: '[0-9a-zA-Z!=]{0,4096}' },
      lastname: { type: 'string', optional: true, maxLength: 1024 },
      password: { type: 'string', optional: true, minLength: 8, maxLength: 64 },
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
    },
  },
  'GET /access/users/{userid}': {
    needs: ['userid-group', ['User.Modify', 'Sys.Audit']],
    parameters: { userid: { type: 'string', format: 'pve-userid', maxLength: 64 } },
  },
  'PUT /access/users/{userid}': {
    needs: ['userid-group', ['User.Modify'], 'groups_param', 'update'],
    parameters: {
      append: { type: 'boolean', optional: true, requires: 'groups' },
      comment: { type: 'string', optional: true, maxLength: 2048 },
      email: { type: 'string', optional: true, format: 'email-opt', maxLength: 254 },
      enable: { type: 'boolean', optional: true },
      expire: { type: 'integer', optional: true, minimum: 0 },
      firstname: { type: 'string', optional: true, maxLength: 1024 },
      groups: { type: 'string', optional: true, format: 'pve-groupid-list' },
      keys: { type: 'string', optional: true, pattern: '[0-9a-zA-Z!=]{0,4096}' },
      lastname: { type: 'string', optional: true, maxLength: 1024 },
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
    },
  },
  'DELETE /access/users/{userid}': {
    needs: ['and', ['userid-param', 'Realm.AllocateUser'], ['userid-group', ['User.Modify']]],
    parameters: { userid: { type: 'string', format: 'pve-userid', maxLength: 64 } },
  },
  'GET /access/users/{userid}/token': {
    needs: ['or', ['userid-param', 'self'], ['userid-group', ['User.Modify']]],
    parameters: { userid: { type: 'string', format: 'pve-userid', maxLength: 64 } },
  },
  'GET /access/users/{userid}/token/{tokenid}': {
    needs: ['or', ['userid-param', 'self'], ['userid-group', ['User.Modify']]],
    parameters: {
      tokenid: { type: 'string', pattern: '(?^:[A-Za-z][A-Za-z0-9\\.\\-_]+)' },
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
    },
  },
  'POST /access/users/{userid}/token/{tokenid}': {
    needs: ['or', ['userid-param', 'self'], ['userid-group', ['User.Modify']]],
    parameters: {
      comment: { type: 'string', optional: true },
      expire: { type: 'integer', optional: true, minimum: 0 },
      privsep: { type: 'boolean', optional: true },
      tokenid: { type: 'string', pattern: '(?^:[A-Za-z][A-Za-z0-9\\.\\-_]+)' },
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
    },
  },
  'PUT /access/users/{userid}/token/{tokenid}': {
    needs: ['or', ['userid-param', 'self'], ['userid-group', ['User.Modify']]],
    parameters: {
      comment: { type: 'string', optional: true },
      delete: { type: 'string', optional: true, format: 'pve-configid-list' },
      expire: { type: 'integer', optional: true, minimum: 0 },
      privsep: { type: 'boolean', optional: true },
      tokenid: { type: 'string', pattern: '(?^:[A-Za-z][A-Za-z0-9\\.\\-_]+)' },
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
    },
  },
  'DELETE /access/users/{userid}/token/{tokenid}': {
    needs: ['or', ['userid-param', 'self'], ['userid-group', ['User.Modify']]],
    parameters: {
      tokenid: { type: 'string', pattern: '(?^:[A-Za-z][A-Za-z0-9\\.\\-_]+)' },
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
    },
  },
  'GET /access/roles': { needs: 'all', parameters: {} },
  'POST /access/roles': {
    needs: ['perm', '/access', ['Sys.Modify']],
    parameters: { privs: { type: 'string', optional: true, format: 'pve-priv-list' }, roleid: { type: 'string', format: 'pve-roleid' } },
  },
  'GET /access/roles/{roleid}': { needs: 'all', parameters: { roleid: { type: 'string', format: 'pve-roleid' } } },
  'PUT /access/roles/{roleid}': {
    needs: ['perm', '/access', ['Sys.Modify']],
    parameters: {
      append: { type: 'boolean', optional: true, requires: 'privs' },
      privs: { type: 'string', optional: true, format: 'pve-priv-list' },
      roleid: { type: 'string', format: 'pve-roleid' },
    },
  },
  'DELETE /access/roles/{roleid}': {
    needs: ['perm', '/access', ['Sys.Modify']],
    parameters: { roleid: { type: 'string', format: 'pve-roleid' } },
  },
  'GET /access/acl': { needs: 'all', parameters: {} },
  'PUT /access/acl': {
    needs: ['perm-modify', '{path}'],
    parameters: {
      delete: { type: 'boolean', optional: true },
      groups: { type: 'string', optional: true, format: 'pve-groupid-list' },
      path: { type: 'string' },
      propagate: { type: 'boolean', optional: true },
      roles: { type: 'string', format: 'pve-roleid-list' },
      tokens: { type: 'string', optional: true, format: 'pve-tokenid-list' },
      users: { type: 'string', optional: true, format: 'pve-userid-list' },
    },
  },
  'GET /access/domains': { needs: 'world', parameters: {} },
  'GET /access/permissions': {
    needs: 'all',
    parameters: {
      path: { type: 'string', optional: true },
      userid: {
        type: 'string',
        optional: true,
        pattern: '(?^:^(?^:[^\\s:/]+)\\@(?^:[A-Za-z][A-Za-z0-9\\.\\-_]+)(?:!(?^:[A-Za-z][A-Za-z0-9\\.\\-_]+))?$)',
      },
    },
  },
};
