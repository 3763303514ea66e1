// Proxy mode beside a router that gives the addresses: the appliance only adds the boot file to network boots.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labServer, labTftp } from '../../src/lab/index.ts';
import { standUp, type TestLab } from './lab.ts';
import { bootToAgent, expectWay, miniPc, reasonsOf } from './machine.ts';
import { type Router, startRouter } from './router.ts';

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

  it.each([miniPc('bios', 4), miniPc('uefi', 5), miniPc('uefi-http', 6)])(
    'a machine with $firmware firmware has its address from the router and its boot file from us',
    async (spec) => {
      const node = await bootToAgent(lab, spec);
      expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
      expect(await router.leases()).toContain(spec.mac);
      const reasons = await reasonsOf(lab, spec.mac);
      expect(
        reasons
          .filter(({ area }) => area === 'dhcp')
          .map(({ reason }) => reason)
          .join(),
      ).not.toMatch(/\bgives?\b.*10\.77/);
      expectWay(reasons, ['dhcp offer', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored']);
    },
  );
});
