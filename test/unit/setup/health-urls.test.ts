// Where the container's health check looks.

import { describe, expect, it } from 'vitest';
import { healthUrls } from '../../../src/setup/health-urls.ts';

const hrefs = (env: Record<string, string>): string[] => healthUrls(env).map(({ href }) => href);

describe('the health check', () => {
  it('asks the default port on loopback, HTTPS first', () => {
    expect(hrefs({})).toEqual(['https://127.0.0.1:6385/healthz', 'http://127.0.0.1:6385/healthz']);
  });

  it.each([
    ['127.0.0.1:7000', 'https://127.0.0.1:7000/healthz'],
    ['0.0.0.0:7000', 'https://127.0.0.1:7000/healthz'],
    ['[::]:7000', 'https://[::1]:7000/healthz'],
    ['10.0.0.2:7000', 'https://10.0.0.2:7000/healthz'],
    [':7000', 'https://127.0.0.1:7000/healthz'],
  ])('listening on %s is asked at %s', (listen, href) => {
    expect(hrefs({ RACKSEED_SERVER_LISTEN: listen })[0]).toBe(href);
  });

  it('asks where the command line would', () => {
    expect(hrefs({ RACKSEED_URL: 'https://rackseed.example:443', RACKSEED_SERVER_LISTEN: '0.0.0.0:7000' })).toEqual([
      'https://rackseed.example/healthz',
    ]);
  });
});
