// /api/states: the state machine as data and as a picture, both made from the one table.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { MOVES, STATES, statesSvg, VERBS } from '../../nodes/index.ts';

const row = Type.Record(Type.String(), Type.Unknown());

export function statesPlugin(): FastifyPluginAsyncTypebox {
  const tags = ['nodes'];
  const config = { access: 'reader' } as const;
  return async (app) => {
    app.get(
      '/states',
      {
        config,
        schema: {
          operationId: 'getStates',
          summary: 'Every provision state, every move between two, and the verbs that people may use',
          tags,
          response: { 200: Type.Object({ states: Type.Array(row), moves: Type.Array(row), verbs: Type.Array(row) }) },
        },
      },
      async () => ({
        states: STATES.map((state) => ({ ...state })),
        moves: MOVES.map((move) => ({ ...move })),
        verbs: VERBS.map((verb) => ({ ...verb })),
      }),
    );

    app.get(
      '/states.svg',
      { config, schema: { operationId: 'getStateDiagram', summary: 'The same as a diagram', tags } },
      async (_request, reply) =>
        // Opened by itself in a browser, a picture must not be able to run anything.
        reply.type('image/svg+xml').header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'").send(statesSvg()),
    );
  };
}
