import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import { parseStoreUrl } from '../../../src/store/url.ts';

describe('the store URL', () => {
  it.each([
    ['sqlite:///var/lib/rackseed/rackseed.sqlite', '/var/lib/rackseed/rackseed.sqlite'],
    ['sqlite:///with%20space/a%25b.sqlite', '/with space/a%b.sqlite'],
  ])('%s names the file %s', (url, path) => {
    expect(parseStoreUrl(url)).toEqual({ dialect: 'sqlite', path });
  });

  it.each([
    'postgres://rackseed:geheim@db.example:5433/rackseed?sslmode=verify-full',
    'postgresql://rackseed:geheim@db.example:5433/rackseed',
  ])('shows %s without its password and parameters', (url) => {
    const location = parseStoreUrl(url);
    if (location.dialect !== 'postgres') throw new Error('not PostgreSQL');
    expect(location.connection).toBe(url);
    expect(location.shown).toMatch(/^postgres(ql)?:\/\/rackseed@db\.example:5433\/rackseed$/);
  });

  it.each([
    'rackseed.sqlite',
    '',
    'sqlite:rackseed.sqlite',
    'sqlite:',
    'sqlite://host/path.sqlite',
    'sqlite:///directory/',
    'sqlite:///a.sqlite?mode=ro',
    'sqlite:///%ff.sqlite',
    'mysql://root@db/rackseed',
    'file:///var/lib/rackseed.sqlite',
  ])('"%s" is refused with an example of a right one', (url) => {
    expect(refusal(url)).toMatchObject({ code: 'store.url_unsupported' });
    expect(refusal(url)?.hint?.length).toBeGreaterThan(5);
  });

  it('does not repeat a password that was given to the wrong kind of database', () => {
    expect(refusal('mysql://root:geheim@db/rackseed')?.message).not.toContain('geheim');
  });
});

function refusal(url: string): RackseedError | undefined {
  try {
    parseStoreUrl(url);
  } catch (thrown) {
    if (thrown instanceof RackseedError) return thrown;
    throw thrown;
  }
  return undefined;
}
