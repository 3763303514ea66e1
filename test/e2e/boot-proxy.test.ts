// Proxy mode beside a router that gives the addresses: the appliance only adds the boot file to network boots.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labServer, labTftp } from '../../src/lab/index.ts';
import { standUp, type TestLab } from './lab.ts';
import { bootToAgent, expectWay, miniPc, reasonsOf } from './machine.ts';
import { type Router, startRouter } from './router.ts';

/** What each is told to boot: QEMU's ROM for BIOS is iPXE already. */
const FILES = {
  bios: 'http://10.77.0.1:6386/boot/start.ipxe',
  uefi: 'snponly-x86_64.efi',
  'uefi-http': 'http://10.77.0.1:6386/boot/files/ipxe-x86_64.efi',
} as const;

describe('in proxy mode, beside a router that answers DHCP', () => {
  let lab: TestLab;
  let router: Router;

  beforeAll(async () => {
    lab = await standUp('boot-proxy', {
      config: (words) =>
        [labServer(words), `[dhcp]\nmode = "proxy"\ninterfaces = ["${words.network.bridge}"]\n`, labTftp(words)].join('\n'),
      before: async (stands) => {
        router = await startRouter(stands);
      },
    });
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
  });

  it.each([
    { firmware: 'bios', number: 4 },
    { firmware: 'uefi', number: 5 },
    { firmware: 'uefi-http', number: 6 },
  ] as const)(
    'a machine with $firmware firmware has its address from the router and its boot file from us',
    async ({ firmware, number }) => {
      const spec = miniPc(firmware, number);
      const node = await bootToAgent(lab, spec);
      expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
      expect(await router.leases()).toContain(spec.mac);
      const reasons = await reasonsOf(lab, spec.mac);
      expect(reasons.map(({ reason }) => reason).join('\n')).toContain(FILES[firmware]);
      expectWay(reasons, ['dhcp offer', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored']);
    },
  );

  it('no address is lent out by us', async () => {
    const { dataDir } = lab.lab.connection;
    expect(await readdir(dataDir)).not.toContain('dhcp-leases');
    const store = new Database(join(dataDir, 'rackseed.sqlite'), { readonly: true });
    try {
      expect(store.prepare('SELECT count(*) AS leases FROM dhcp_leases').get()).toEqual({ leases: 0 });
    } finally {
      store.close();
    }
  });
});
