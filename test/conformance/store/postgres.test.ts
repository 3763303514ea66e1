import { postgresFixture } from './postgres.ts';
import { storeSuite } from './suite.ts';
import { upgradeSuite } from './upgrade.ts';

storeSuite('PostgreSQL', postgresFixture);
upgradeSuite('PostgreSQL', postgresFixture);
