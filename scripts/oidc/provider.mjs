// An OpenID provider for the tests and `examples/oidc.rs`: discovery, key set, client credentials,
// introspection, DPoP. Started by `scripts/oidc-provider`; its clients and secrets are public.
//
//   provider.mjs [--port PORT] [--keys FILE] [--lifetime SECONDS]
//
// `--keys` names a file of private keys, the signing one first, that outlives the process; it is made
// where it is missing. Without it the keys are new each time.
//
// It prints `listening http://127.0.0.1:PORT`, then an answer for each line of its input:
//
//   publish   puts a new key into the set, which does not sign yet
//   rotate    lets the newest key sign, or a new one where there is none; the old one stays in the set
//   retire    takes every key out of the set that does not sign
//   counts    what was asked for so far, as JSON: {"GET /jwks":2}
//
// Keys are fixed when a provider is made, so each of the first three swaps the provider behind the
// port, and whoever holds it forgets its opaque tokens, as a restart does. The end of its input ends it.

import { readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair, importSPKI } from 'jose';
import Provider, { errors } from 'oidc-provider';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    keys: { type: 'string' },
    lifetime: { type: 'string', default: '600' },
  },
});
const lifetime = Number(options.lifetime);

// The tests hold its private half. This file is reached through a link.
const here = dirname(realpathSync(import.meta.filename));
const clientKey = join(here, '../../tests/support/keys/es256.pub.pem');

const machine = {
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  scope: 'orders:read orders:write',
};
const byKey = {
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
  jwks: { keys: [{ ...await publicJwk(), alg: 'ES256', use: 'sig', kid: 'tests' }] },
};
const clients = [
  { ...machine, client_id: 'basic', client_secret: 'basic-secret' },
  { ...machine, ...byKey, client_id: 'assertion' },
  { ...machine, client_id: 'dpop', client_secret: 'dpop-secret', dpop_bound_access_tokens: true },
  // Its proofs have to carry a nonce.
  { ...machine, client_id: 'nonce', client_secret: 'nonce-secret', dpop_bound_access_tokens: true },
  // The service itself, which asks about tokens and gets none, by either way.
  { ...machine, grant_types: [], client_id: 'orders', client_secret: 'orders-secret' },
  { ...machine, ...byKey, grant_types: [], client_id: 'orders-by-key' },
];

const resources = {
  'https://orders.example': {
    audience: 'https://orders.example',
    accessTokenFormat: 'jwt',
    accessTokenTTL: lifetime,
    jwt: { sign: { alg: 'ES256' } },
  },
  'https://ledger.example': {
    audience: 'https://ledger.example',
    accessTokenFormat: 'opaque',
    accessTokenTTL: lifetime,
  },
};

async function publicJwk() {
  return exportJWK(await importSPKI(readFileSync(clientKey, 'utf8'), 'ES256'));
}

let made = 0;
async function newKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = `${Date.now().toString(36)}-${made++}`;
  return { ...await exportJWK(privateKey), kid, alg: 'ES256', use: 'sig' };
}

async function readKeys() {
  try {
    if (options.keys) return JSON.parse(readFileSync(options.keys, 'utf8')).keys;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return [await newKey()];
}

function keepKeys() {
  if (!options.keys) return;
  writeFileSync(`${options.keys}.new`, JSON.stringify({ keys }), { mode: 0o600 });
  renameSync(`${options.keys}.new`, options.keys);
}

const secret = randomBytes(32);

function provider(issuer) {
  const oidc = new Provider(issuer, {
    clients,
    jwks: { keys },
    cookies: { keys: ['unused'] },
    scopes: ['orders:read', 'orders:write'],
    clientDefaults: {
      id_token_signed_response_alg: 'ES256',
      introspection_signed_response_alg: 'ES256',
    },
    ttl: { ClientCredentials: lifetime },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_, client) => client.clientId.startsWith('orders'),
      },
      dPoP: {
        enabled: true,
        nonceSecret: secret,
        requireNonce: (ctx) => ctx.oidc.client?.clientId === 'nonce',
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://orders.example',
        getResourceServerInfo(_, resource) {
          if (!Object.hasOwn(resources, resource)) throw new errors.InvalidTarget();
          return { ...resources[resource], scope: machine.scope };
        },
      },
    },
  });
  oidc.on('server_error', (_, error) => console.error(error));
  return oidc.callback();
}

let keys = await readKeys();
keepKeys();

const counts = {};
let handle;
const server = createServer((request, response) => {
  const what = `${request.method} ${request.url.split('?')[0]}`;
  counts[what] = (counts[what] ?? 0) + 1;
  handle(request, response);
});
server.listen(Number(options.port), '127.0.0.1');
await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
const issuer = `http://127.0.0.1:${server.address().port}`;
handle = provider(issuer);
console.log(`listening ${issuer}`);

// The first key that fits signs.
const commands = {
  async publish() {
    keys = [...keys, await newKey()];
  },
  async rotate() {
    const newest = keys.length > 1 ? keys.at(-1) : await newKey();
    keys = [newest, ...keys.filter((key) => key !== newest)];
  },
  retire() {
    keys = keys.slice(0, 1);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = line.trim();
  if (command === 'counts') {
    console.log(JSON.stringify(counts));
  } else if (Object.hasOwn(commands, command)) {
    await commands[command]();
    keepKeys();
    handle = provider(issuer);
    console.log(`${command}: ${keys.map((key) => key.kid).join(' ')}`);
  } else {
    console.log(`no command called \`${command}\``);
  }
}
process.exit(0);
