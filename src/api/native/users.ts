// /api/users: the people who may sign in. For administrators.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { User } from '../../access/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { closed } from '../schemas.ts';
import { NoBody, nameField, passwordField, roleField, UserBody } from './access-schemas.ts';

const namePath = Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, closed);
const newBody = Type.Object({ name: nameField, role: roleField, password: passwordField }, closed);
const changeBody = Type.Object(
  { role: Type.Optional(roleField), password: Type.Optional(passwordField), disabled: Type.Optional(Type.Boolean()) },
  { ...closed, minProperties: 1 },
);

export function usersPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const { users } = services.access;
  const tags = ['access'];
  const config = { access: 'admin', needsProof: true } as const;
  return async (app) => {
    app.get(
      '/',
      {
        config,
        schema: { operationId: 'listUsers', summary: 'All users', tags, response: { 200: Type.Object({ users: Type.Array(UserBody) }) } },
      },
      async () => ({ users: (await users.list()).map(userBody) }),
    );

    app.post(
      '/',
      { config, schema: { operationId: 'addUser', summary: 'A new user', tags, body: newBody, response: { 201: UserBody } } },
      async (request, reply) => {
        const { name, role, password } = request.body;
        return reply.code(201).send(userBody(await users.add(name, role, password)));
      },
    );

    app.get(
      '/:name',
      { config, schema: { operationId: 'getUser', summary: 'One user', tags, params: namePath, response: { 200: UserBody } } },
      async (request) => userBody(await users.get(request.params.name)),
    );

    app.patch(
      '/:name',
      {
        config,
        schema: {
          operationId: 'changeUser',
          summary: 'Another role or password, or disabled: ends the sessions of the user',
          tags,
          params: namePath,
          body: changeBody,
          response: { 200: UserBody },
        },
      },
      async (request) => {
        const { role, password, disabled } = request.body;
        const change = {
          ...(role === undefined ? {} : { role }),
          ...(password === undefined ? {} : { password }),
          ...(disabled === undefined ? {} : { isDisabled: disabled }),
        };
        return userBody(await users.change(request.params.name, change));
      },
    );

    app.delete(
      '/:name',
      {
        config,
        schema: {
          operationId: 'removeUser',
          summary: 'Away, with sessions and the API tokens that the user made',
          tags,
          params: namePath,
          response: { 204: NoBody },
        },
      },
      async (request, reply) => {
        await users.remove(request.params.name);
        return reply.code(204).send(undefined);
      },
    );
  };
}

function userBody(user: User): Static<typeof UserBody> {
  return {
    name: user.name,
    role: user.role,
    disabled: user.isDisabled,
    failures: user.failures,
    lastLoginAt: user.lastLoginAt === null ? null : isoTime(user.lastLoginAt),
    createdAt: isoTime(user.createdAt),
    updatedAt: isoTime(user.updatedAt),
  };
}
