// What `jose` says, for tests/differential. Keys are made at the first need and new each time.
//
//   {"op":"keys"}                                     the public keys: {"RS256":{"kty":…},…}
//   {"op":"private","alg":…}                          the private key: {"pem":…}
//   {"op":"sign","alg":…,"header":{…},"claims":{…}}   a token: {"token":…}
//   {"op":"sign-text","alg":…,"text":…}               any text, signed: {"jws":…}
//   {"op":"proof","alg":…,"claims":{…},"header":{…}}  a DPoP proof: {"proof":…,"jkt":…}
//   {"op":"verify","token":…,"jwk":…,"options":{…}}   {"header":…,"claims":…}
//   {"op":"verify-proof","proof":…}                   {"header":…,"claims":…,"jkt":…}

import { createHash } from 'node:crypto';
import * as jose from 'jose';
import { answer } from './answer.mjs';

const algorithms = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512',
  'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];
const secrets = { HS256: 32, HS384: 48, HS512: 64 };

const pairs = {};
function pair(alg) {
  pairs[alg] ??= jose.generateKeyPair(alg, { extractable: true });
  return pairs[alg];
}

function secret(alg) {
  const hash = createHash('sha512').update(`a secret for ${alg}`).digest();
  return Uint8Array.from(hash.subarray(0, secrets[alg]));
}

async function signingKey(alg) {
  return alg in secrets ? secret(alg) : (await pair(alg)).privateKey;
}

const operations = {
  async keys() {
    const keys = {};
    for (const alg of algorithms) keys[alg] = await jose.exportJWK((await pair(alg)).publicKey);
    for (const alg of Object.keys(secrets)) {
      keys[alg] = { kty: 'oct', k: jose.base64url.encode(secret(alg)) };
    }
    return keys;
  },

  async private({ alg }) {
    return { pem: await jose.exportPKCS8((await pair(alg)).privateKey) };
  },

  async sign({ alg, header, claims }) {
    const token = new jose.SignJWT(claims).setProtectedHeader({ alg, ...header });
    return { token: await token.sign(await signingKey(alg)) };
  },

  async 'sign-text'({ alg, text }) {
    const jws = new jose.CompactSign(new TextEncoder().encode(text)).setProtectedHeader({ alg });
    return { jws: await jws.sign(await signingKey(alg)) };
  },

  async proof({ alg, header, claims }) {
    const { publicKey, privateKey } = await pair(alg);
    const jwk = await jose.exportJWK(publicKey);
    const proof = new jose.SignJWT(claims)
      .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk, ...header });
    return { proof: await proof.sign(privateKey), jkt: await jose.calculateJwkThumbprint(jwk) };
  },

  async verify({ token, jwk, options }) {
    const key = await jose.importJWK(jwk, jose.decodeProtectedHeader(token).alg);
    const { protectedHeader, payload } = await jose.jwtVerify(token, key, options);
    return { header: protectedHeader, claims: payload };
  },

  async 'verify-proof'({ proof }) {
    const options = { typ: 'dpop+jwt', maxTokenAge: '5 minutes' };
    const { protectedHeader, payload } = await jose.jwtVerify(proof, jose.EmbeddedJWK, options);
    const jkt = await jose.calculateJwkThumbprint(protectedHeader.jwk);
    return { header: protectedHeader, claims: payload, jkt };
  },
};

await answer(operations);
