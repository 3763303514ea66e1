// Every migration, oldest first. To add one: write the file, add it here, add rows of the version before it to
// test/fixtures/store/, and change schema.ts; the tests compare all of these.

import { spine } from './0001-spine.ts';
import { ironic } from './0002-ironic.ts';
import { agent } from './0003-agent.ts';
import { install } from './0004-install.ts';
import type { Migration } from './types.ts';

export const MIGRATIONS: readonly Migration[] = [spine, ironic, agent, install];
