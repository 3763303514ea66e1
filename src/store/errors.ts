// Every code the store can raise.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const STORE_ERRORS = {
  'store.url_unsupported': { status: 500, about: 'The store URL is neither sqlite:///path nor postgres://host/name.' },
  'store.directory_missing': { status: 500, about: 'The directory that shall hold the database does not exist, or is not a directory.' },
  'store.not_writable': { status: 500, about: 'The database or its directory may not be written by this user.' },
  'store.read_only': { status: 503, about: 'The database is on a file system that is mounted read-only.' },
  'store.full': { status: 507, about: 'The disk (or quota) under the database is full; reads go on.', retryable: true },
  'store.io': { status: 503, about: 'The operating system failed a read or write of the database.' },
  'store.not_a_database': { status: 500, about: 'The file the store URL names is something other than a SQLite database.' },
  'store.foreign_database': { status: 500, about: 'The database holds tables that are not ours.' },
  'store.corrupt': { status: 503, about: 'The database file is damaged.' },
  'store.newer_version': { status: 500, about: 'The database was last used by a newer Rackseed.' },
  'store.migration_changed': { status: 500, about: 'A migration the database has had is not the one this Rackseed knows by that number.' },
  'store.migration_failed': { status: 500, about: 'A migration could not be applied; it was rolled back.' },
  'store.in_use': { status: 500, about: 'Another running Rackseed holds the same SQLite database.' },
  'store.unreachable': { status: 503, about: 'The PostgreSQL server does not answer.', retryable: true },
  'store.refused': { status: 500, about: 'The PostgreSQL server refused the user, password or database name.' },
  'store.busy': { status: 503, about: 'A transaction waited too long for others.', retryable: true },
  'store.transaction_timeout': { status: 503, about: 'A transaction stayed open too long and was rolled back.' },
  'store.aborted': { status: 500, about: 'A statement failed inside the transaction, so all of it was rolled back.' },
  'store.closed': { status: 503, about: 'The store was used after it was closed.' },
  'store.conflict': { status: 409, about: 'A row with the same unique value exists already.' },
  'store.reference_missing': { status: 409, about: 'A row refers to one that does not exist, or is still referred to.' },
  'store.fenced': { status: 409, about: 'The lease under which the work was done is no longer held.' },
  'store.key_missing': { status: 500, about: 'The database holds sealed secrets, and the key that opens them is not there.' },
  'store.key_wrong': { status: 500, about: 'The store key is not the one the database was sealed with.' },
  'store.key_invalid': { status: 500, about: 'The key file is damaged or not a key file.' },
  'store.key_exposed': { status: 500, about: 'Other users may read the key file.' },
  'store.key_file': { status: 500, about: 'The key file could not be read or written.' },
  'store.sealed_invalid': {
    status: 500,
    about: 'A sealed value is damaged, was moved from another row, or needs a key that is not there.',
  },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(STORE_ERRORS);
