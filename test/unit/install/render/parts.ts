// A machine, its plan and its secrets, for tests of answers.

import type { AnsweredPlan, AnswerSecrets } from '../../../../src/install/render/answer-render.ts';

export const DEFAULTS = {
  keyboard: 'de',
  country: 'at',
  timezone: 'Europe/Vienna',
  mailto: 'root@home.arpa',
  // Braces in the configuration are no expressions.
  rootKeys: ['ssh-ed25519 AAAA {{me}}'],
};

export const FACTS = {
  node: { uuid: '00000000-0000-4000-8000-000000000001', name: 'pve1', serial: null, macs: ['52:54:00:00:00:01'] },
  variables: {
    domain: 'lab.example',
    keys: ['ssh-ed25519 CCCC', 'ssh-ed25519 DDDD'],
    evil: '"\n[first-boot]\nsource = "from-iso"\n#\u0000\u001b\\u0022 \'\'\' """ {{node.name}}',
    swap: 4,
  },
  install: { ...DEFAULTS, root_keys: DEFAULTS.rootKeys },
  installer: { product: 'pve', release: '9.1' },
};

export const SECRETS: AnswerSecrets = {
  rootPassword: 'a-password-of-20-chr',
  rootPasswordHash: `$6$saltsaltsaltsalt$${'a'.repeat(86)}`,
  rootKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0aWxsLWEtbWFkZS11cC1rZXktZm9yLXRoaXM= appliance'],
  fingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
  hook: { url: 'https://10.0.0.2:8443/install/done/hook-secret', token: 'hook-secret' },
  firstBoot: { url: 'https://10.0.0.2:8443/install/first-boot/first-secret' },
};

export const PLAN: Omit<AnsweredPlan, 'document'> = {
  filesystem: 'zfs',
  raid: 'raid1',
  selection: { filter: { ID_PART_TABLE_UUID: 'deadbeef*' }, 'filter-match': 'any' },
  fqdn: 'pve1.home.arpa',
  managementMac: '52:54:00:AA:BB:01',
  address: { cidr: '10.0.0.11/24', gateway: '10.0.0.1', dns: '10.0.0.53' },
};
