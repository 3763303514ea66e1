// rackseed store rotate-key, on a data directory that a real appliance has made.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, startAppliance, temporarySite } from '../support/appliance.ts';

describe('rackseed store rotate-key', () => {
  it('refuses while the appliance runs, and afterwards gives a new key with which everything sealed is read', async () => {
    const site = await temporarySite();
    const keyFile = join(site.dataDir, 'store.key');
    const appliance = await startAppliance(site);
    const certificate = await readFile(join(site.dataDir, 'server.crt'), 'utf8');
    const key = await readFile(keyFile, 'utf8');
    const refused = await cli(site, ['store', 'rotate-key', '--config', site.configPath]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('(store.in_use)');
    expect(await readFile(keyFile, 'utf8')).toBe(key);
    await appliance.stop();

    const rotated = await cli(site, ['store', 'rotate-key', '--config', site.configPath]);
    expect(rotated.stderr).toContain('The store has a new key');
    expect(rotated.code).toBe(0);
    expect(await readFile(keyFile, 'utf8')).not.toBe(key);

    // The TLS key is sealed in the store: the appliance comes back as the one that machines have pinned.
    const again = await startAppliance(site);
    expect(await readFile(join(site.dataDir, 'server.crt'), 'utf8')).toBe(certificate);
    expect(await again.client.get('/api/enrolment')).toMatchObject({ mode: 'closed' });
    await again.stop();
  });
});
