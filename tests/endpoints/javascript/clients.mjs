// The clients that the harness registers over HTTP: see Managed in managed.py.

export const clients = new Map()

// Whether the request came from the harness, and so is answered here.
export function manage(request, response) {
  if (!request.url.startsWith('/-/')) {
    return false
  }
  const name = decodeURIComponent(request.url.split('/').pop())
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => {
    if (request.method === 'PUT') {
      clients.set(name, JSON.parse(Buffer.concat(parts)))
    } else if (request.method === 'DELETE') {
      clients.delete(name)
    }
    response.end()
  })
  return true
}
