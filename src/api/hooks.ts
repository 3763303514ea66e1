// Hooks that wait for nothing, with a callback: a promise for each of them costs a request more than what they do.

import type { FastifyReply, FastifyRequest } from 'fastify';

type Done = (error?: Error) => void;

/** What the hook throws ends the request as it would from an async one. */
export function atOnce(work: (request: FastifyRequest, reply: FastifyReply) => void) {
  return (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    let failure: Error | undefined;
    try {
      work(request, reply);
    } catch (thrown) {
      failure = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    done(failure);
  };
}
