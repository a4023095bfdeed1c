// https://fetch.spec.whatwg.org/#fetch-method, over a function of the host's.
//
// There is no network here: without a binding named `fetch` there is no global of that name. What the host's function
// gets and gives is plain data, see FetchRequest and FetchResponse in lib/web-bridge.ts.
import { isAborted, onAbort, reasonOf } from './abort.js'
import { extract, streamOf } from './body.js'
import type { Content } from './body.js'
import { Headers, headerPairs } from './headers.js'
import { isObject, need } from './idl.js'
import { Request, requestBody, requestHeaders, requestMethod, requestRedirect, requestSignal, requestUrl } from './request.js'
import { WITHOUT_BODY, newResponse, responseDefaults } from './response.js'
import type { Response } from './response.js'

interface HostResponse {
  status: unknown
  statusText: unknown
  headers: unknown
  body: unknown
  url: unknown
  redirected: unknown
}

/** Under which a function of ours has the host's: a bridge that is evaluated on top of another one wraps that. */
const HOST = Symbol.for('isoseed:fetch')

type HostFetch = ((request: object) => Promise<unknown>) & { [HOST]?: HostFetch }

/** What the host answered, as a response. */
function responseOf(answer: unknown, request: Request): Response {
  if (!isObject(answer)) throw new TypeError('fetch: the host must answer with an object')
  const { status = 200, statusText = '', headers, body, url, redirected } = answer as Partial<HostResponse>
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError('fetch: the host answered with a wrong status')
  }
  const state = {
    ...responseDefaults,
    type: 'basic',
    status,
    statusText: `${statusText as string}`,
    url: url === undefined ? requestUrl(request) : `${url as string}`,
    redirected: Boolean(redirected),
  }
  const hasBody = body !== undefined && body !== null && !WITHOUT_BODY.has(status)
  return newResponse(state, new Headers(headers), hasBody ? contentOf(body) : undefined)
}

function contentOf(body: unknown): Content {
  const isStream = isObject(body) && !ArrayBuffer.isView(body) && typeof Reflect.get(body, Symbol.asyncIterator) === 'function'
  return extract(isStream ? bytesStream(body as AsyncIterable<unknown>) : body).content
}

/** A stream of the host's may give text. */
function bytesStream(body: AsyncIterable<unknown>): ReturnType<typeof streamOf> {
  async function* pieces(): AsyncGenerator<unknown> {
    for await (const piece of body) yield extract(piece).content.bytes
  }
  return streamOf(pieces())
}

async function ask(host: HostFetch, request: Request): Promise<Response> {
  const body = requestBody(request)
  const plain = {
    url: requestUrl(request),
    method: requestMethod(request),
    headers: headerPairs(requestHeaders(request)),
    redirect: requestRedirect(request),
    ...(body.isNull ? {} : { body: await body.bytes() }),
  }
  return responseOf(await host(plain), request)
}

/** Makes the global `fetch` of a function of the host's. */
export function fetchOver(binding: HostFetch): (input: unknown, init?: unknown) => Promise<Response> {
  const host = binding[HOST] ?? binding
  // Not a method of anything, and not a constructor.
  const { fetch } = {
    async fetch(input: unknown, init: unknown = undefined): Promise<Response> {
      need('fetch', 1, arguments.length)
      const request = new Request(input, init)
      const signal = requestSignal(request)
      if (isAborted(signal)) throw reasonOf(signal)
      return new Promise((resolve, reject) => {
        const forget = onAbort(signal, () => reject(reasonOf(signal)))
        ask(host, request).then(
          (response) => {
            forget()
            resolve(response)
          },
          (error: unknown) => {
            forget()
            reject(error)
          },
        )
      })
    },
  }
  Object.defineProperty(fetch, HOST, { value: host })
  return fetch
}
