// How errors leave: problem+json (RFC 9457). The Ironic-compatible part has its own shape and its own handler.

import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { messageOf } from '../lib/index.ts';
import type { ApiMetrics } from './metrics.ts';
import { type Fault, faultOf, problemOf } from './problem.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export function answerErrors(app: FastifyInstance, metrics: ApiMetrics): void {
  app.setErrorHandler((error, request, reply) => {
    const fault = noted(error, request, metrics);
    sendFault(reply, fault);
    return reply.type(PROBLEM_TYPE).send(JSON.stringify(problemOf(fault, request.id)));
  });
}

/** What is wrong, with bugs logged and counted. */
export function noted(error: unknown, request: FastifyRequest, metrics: ApiMetrics): Fault {
  const fault = faultOf(error, request.id);
  if (fault.isBug) {
    metrics.bugs.inc();
    request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'bug while answering a request');
  } else if (fault.status >= 500) {
    request.log.warn({ code: fault.code, error: fault.message, cause: causeOf(error) }, 'request failed');
  }
  return fault;
}

/** Status and headers that an error implies, whatever its body. */
export function sendFault(reply: FastifyReply, fault: Fault): void {
  reply.code(fault.status);
  if (fault.status === 401 && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', 'Bearer realm="rackseed"');
  const wait = fault.data?.retryAfterSeconds;
  if (typeof wait === 'number') reply.header('retry-after', String(wait));
}

/** For errors before any route is found: an address that cannot be decoded. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const fault = faultOf(error, request.id);
  sendFault(reply, fault);
  reply
    .header(REQUEST_ID_HEADER, request.id)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemOf(fault, request.id)));
}

/** For bytes that are not HTTP: there is no request yet, only a socket. */
export function answerBrokenConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = BROKEN[error.code ?? ''] ?? '400 Bad Request';
  const body = JSON.stringify({
    type: 'urn:rackseed:error:api.bad_request',
    title: status.slice(4),
    status: Number(status.slice(0, 3)),
    code: 'api.bad_request',
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function causeOf(error: unknown): string | undefined {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : undefined;
}
