// A change of a node that somebody works on waits a little for its turn, as Ironic's conductor does (three tries, a second apart): what
// runs is mostly a call of a second, and gophercloud and the acceptance suites send the next change without trying again.

import type { RouteHandlerMethod } from 'fastify';
import { type Clock, RackseedError } from '../../lib/index.ts';

const LOCKED: readonly string[] = ['api.node_locked', 'lifecycle.locked'];
const AGAIN_MS = 250;

/** The handler, tried again while it ends with 409 for the node's lock: its transaction has then changed nothing. */
export function patient(handler: RouteHandlerMethod, waitMs: number, clock: Clock): RouteHandlerMethod {
  return async function (request, reply) {
    for (let left = waitMs; ; left -= AGAIN_MS) {
      try {
        return await handler.call(this, request, reply);
      } catch (error) {
        if (left <= 0 || !(error instanceof RackseedError) || !LOCKED.includes(error.code) || reply.raw.destroyed) throw error;
      }
      await clock.sleep(AGAIN_MS);
    }
  };
}
