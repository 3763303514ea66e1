// Debian's `baremetal` command line (python3-ironicclient) against the appliance: one long journey, every reply of which is looked at too.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedKeys } from '../fixtures/ironic/replies.ts';
import { type Baremetal, noAuth, startBaremetal } from './ironic/baremetal.ts';
import { JOURNEY } from './ironic/journey.ts';
import { commandsOf, type Kept, playTurn } from './ironic/play.ts';
import { expectIronicKeys, type IronicSite, startIronicSite, writeResources } from './ironic/site.ts';

const COMMANDS_AT_LEAST = 60;
const TAG = '000000000042';
const MAC = '00:42';

/** The client's own latest version, and the newest that ours speaks. */
const VERSIONS = [
  { title: 'in the version that the client takes by itself', env: {} },
  { title: 'in version 1.110', env: { OS_BAREMETAL_API_VERSION: '1.110' } },
];

describe.each(VERSIONS)('the baremetal command line, $title', ({ env }) => {
  let ironic: IronicSite;
  let client: Baremetal;
  const kept: Kept = new Map();

  beforeAll(async () => {
    ironic = await startIronicSite();
    client = startBaremetal({ ...noAuth(ironic.recorder.url), ...env });
    kept
      .set('tag', TAG)
      .set('mac', MAC)
      .set('resources', await writeResources(ironic.site.directory, TAG, MAC));
  });

  afterAll(async () => {
    await client.close();
    await ironic.close();
  });

  it.each(JOURNEY)('goes through: $title', async ({ turns }) => {
    for (const turn of turns) await playTurn(client, turn, kept);
  });

  it('was answered with the keys of its version each time', () => {
    const { exchanges } = ironic.recorder;
    expect(exchanges.filter((exchange) => (expectedKeys(exchange)?.length ?? 0) > 0).length).toBeGreaterThan(JOURNEY.length * 5);
    expectIronicKeys(exchanges);
  });

  it('was told no server fault', () => {
    expect(ironic.recorder.exchanges.filter(({ status }) => status >= 500)).toEqual([]);
  });
});

it(`is a journey of at least ${COMMANDS_AT_LEAST} different commands`, async () => {
  const client = startBaremetal(noAuth('http://127.0.0.1:1'));
  const { stdout } = await client.run(['complete']);
  await client.close();
  const used = commandsOf(
    JOURNEY.flatMap(({ turns }) => turns),
    knownCommands(stdout),
  );
  expect(used.size, [...used].sort().join(', ')).toBeGreaterThanOrEqual(COMMANDS_AT_LEAST);
});

/** From the client's own completion script: cmds_node_add_trait='-h --help …' for a command, cmds_node='abort add …' above it. */
function knownCommands(script: string): string[] {
  const paths = [...script.matchAll(/^\s*cmds_(\w+)='-[^']*'/gm)].map(([, path = '']) => path);
  return paths.map((path) => path.replaceAll('_', ' '));
}
