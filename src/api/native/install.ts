// /install: what installers and freshly installed systems say. Open to the network: the secret that each brings is its only right, who has
// none learns nothing. They never ask twice, so whoever has one is never sent away for being one of many.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { RackseedError } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { createRateLimiter } from '../rate-limit.ts';
import { closed } from '../schemas.ts';
import type { InstallService } from '../services.ts';
import { baseOf } from './request-base.ts';

const MAX_ADDRESSES = 4096;
/** Requests without a right from one address: a few by mistake, then one in five seconds. */
const FAILURES = { burst: 20, perSecond: 0.2, maxAddresses: MAX_ADDRESSES } as const;
const ASK_BYTES = 64 * 1024;
/** With what udev knows of each disk and network card: 3 kB each. */
const HOOK_BYTES = 1024 * 1024;
const REPORT_BYTES = 64 * 1024;

/** As Proxmox' installers send a token: `NAME:SECRET`. */
const TOKEN = /^Bearer +([\w-]{1,64}):([\w-]{1,256})$/i;
const path = Type.Object({ secret: Type.String({ minLength: 1, maxLength: 255 }) }, closed);
const config = { access: 'agent' } as const;
const tags = ['install'];

export function installPlugin(deps: RouteDeps): FastifyPluginAsyncTypebox {
  const limiter = createRateLimiter(FAILURES, deps.clock);
  const service = (): InstallService => {
    if (deps.services.install !== undefined) return deps.services.install;
    throw fail('api.not_found', { message: 'nothing is installed from here' });
  };
  return async (app) => {
    for (const url of ['/install/answer', '/api2/json/auto-install/answer'] as const)
      app.post(
        url,
        {
          config,
          bodyLimit: ASK_BYTES,
          schema: {
            operationId: url === '/install/answer' ? 'installAnswer' : 'installAnswerAsPdm',
            summary: 'An installer asks for its answer, by its token',
            tags,
          },
        },
        (request, reply) => throttled(limiter, request, async () => toml(reply, await service().answer(asked(request, null, deps)))),
      );

    app.post(
      '/install/answer/:secret',
      {
        config,
        bodyLimit: ASK_BYTES,
        schema: { operationId: 'installAnswerBySecret', summary: 'An installer asks for its answer', tags, params: path },
      },
      (request, reply) =>
        throttled(limiter, request, async () => toml(reply, await service().answer(asked(request, request.params.secret, deps)))),
    );

    for (const url of ['/install/done', '/install/done/:secret'] as const)
      app.post(
        url,
        {
          config,
          bodyLimit: HOOK_BYTES,
          schema: {
            operationId: url === '/install/done' ? 'installDone' : 'installDoneBySecret',
            summary: 'An installer has finished: its post-installation web hook',
            tags,
          },
        },
        (request, reply) =>
          throttled(limiter, request, async () => {
            await service().done({ secret: secretOf(request.params), body: request.body, from: request.ip });
            return reply.code(200).send();
          }),
      );

    app.get(
      '/install/first-boot/:secret',
      {
        config,
        exposeHeadRoute: false,
        schema: { operationId: 'installFirstBootScript', summary: 'The script of the first boot', tags, params: path },
      },
      (request, reply) =>
        throttled(limiter, request, async () => {
          const script = await service().firstBoots.script(request.params.secret, baseOf(request, deps), request.ip);
          return reply.type('text/x-shellscript; charset=utf-8').send(script);
        }),
    );

    app.post(
      '/install/first-boot/:secret',
      {
        config,
        bodyLimit: REPORT_BYTES,
        schema: { operationId: 'installFirstBoot', summary: 'An installed system has booted', tags, params: path },
      },
      (request, reply) =>
        throttled(limiter, request, async () => {
          await service().firstBoots.report(request.params.secret, request.body, request.ip);
          return reply.code(200).send();
        }),
    );
  };
}

/** Who comes without a right again and again is told to wait; the right itself is always looked at first. */
async function throttled<T>(limiter: ReturnType<typeof createRateLimiter>, { ip }: FastifyRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const isStranger = thrown instanceof RackseedError && (thrown.status === 401 || thrown.status === 404);
    const retryAfterSeconds = isStranger ? limiter.take(ip) : undefined;
    if (retryAfterSeconds === undefined) throw thrown;
    throw fail('api.rate_limited', { message: `too many requests from ${ip}`, detail: { retryAfterSeconds } });
  }
}

function asked(request: FastifyRequest, secret: string | null, deps: RouteDeps): Parameters<InstallService['answer']>[0] {
  const [, installation = null, word = null] = TOKEN.exec(request.headers.authorization ?? '') ?? [];
  // Where both are given both have to be right: one that does not fit the other is nobody's.
  const isTorn = secret !== null && word !== null && secret !== word;
  return { secret: isTorn ? '' : (secret ?? word), installation, body: request.body, from: request.ip, base: baseOf(request, deps) };
}

function secretOf(params: unknown): string | null {
  const secret: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, 'secret') : undefined;
  return typeof secret === 'string' ? secret : null;
}

interface Reply<T> {
  type(type: string): { send(text: string): T };
}

/** Releases that read JSON too take anything that is not called so for TOML. */
function toml<T>(reply: Reply<T>, text: string): T {
  return reply.type('application/toml; charset=utf-8').send(text);
}
