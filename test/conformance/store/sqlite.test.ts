import { sqliteFixture } from './sqlite.ts';
import { storeSuite } from './suite.ts';
import { upgradeSuite } from './upgrade.ts';

storeSuite('SQLite', sqliteFixture);
upgradeSuite('SQLite', sqliteFixture);
