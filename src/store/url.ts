// The store URL: which of the two databases, and where. Pure.

import { isAbsolute } from 'node:path';
import { fail } from './errors.ts';

export type StoreLocation =
  | { readonly dialect: 'sqlite'; readonly path: string }
  | { readonly dialect: 'postgres'; readonly connection: string; readonly shown: string };

const EXAMPLES = 'use sqlite:///var/lib/rackseed/rackseed.sqlite or postgres://user@host/database';

export function parseStoreUrl(url: string): StoreLocation {
  if (!URL.canParse(url)) throw fail('store.url_unsupported', { message: 'store.url is not a URL', hint: EXAMPLES });
  const parsed = new URL(url);
  switch (parsed.protocol) {
    case 'sqlite:':
      return { dialect: 'sqlite', path: sqlitePath(parsed) };
    case 'postgres:':
    case 'postgresql:':
      return { dialect: 'postgres', connection: url, shown: withoutPassword(parsed) };
    default:
      throw fail('store.url_unsupported', {
        message: `store.url begins with ${parsed.protocol}, which is no database Rackseed can use`,
        hint: EXAMPLES,
      });
  }
}

function sqlitePath(url: URL): string {
  const path = decodedPath(url);
  const isPlain = url.host === '' && url.search === '' && url.hash === '';
  if (isPlain && isAbsolute(path) && !path.endsWith('/')) return path;
  throw fail('store.url_unsupported', {
    message: `store.url ${url.href} does not name a SQLite file by its absolute path`,
    hint: 'three slashes and the whole path: sqlite:///var/lib/rackseed/rackseed.sqlite',
  });
}

function decodedPath(url: URL): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch (cause) {
    throw fail('store.url_unsupported', { message: `store.url ${url.href} has a broken % sequence`, hint: 'write % as %25', cause });
  }
}

/** For messages and logs. A password may be in the authority or among the parameters. */
function withoutPassword(url: URL): string {
  const shown = new URL(url.href);
  shown.password = '';
  shown.search = '';
  return shown.href;
}
