// Where the health check looks, from the environment that the server and the command line read. Pure.

const DEFAULT_LISTEN = '0.0.0.0:6385';

/** Addresses that mean "every interface": nobody can be asked there, but the loopback of the same family answers. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]', '*': '127.0.0.1', '': '127.0.0.1' };

/** HTTPS first: plain HTTP is the exception, for a proxy in front. */
export function healthUrls(env: Readonly<Record<string, string | undefined>>): URL[] {
  const url = env.RACKSEED_URL;
  if (url !== undefined && URL.canParse(url)) return [new URL('/healthz', url)];
  const listen = env.RACKSEED_SERVER_LISTEN ?? DEFAULT_LISTEN;
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon);
  const authority = `${LOOPBACK_OF[host] ?? host}:${listen.slice(colon + 1)}`;
  return ['https', 'http'].map((scheme) => new URL(`${scheme}://${authority}/healthz`));
}
