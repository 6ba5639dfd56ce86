// The engine by which Argo CD runs health checks and actions.
module integrationtoken.dev/tests/gitops/lua

go 1.26.0

require github.com/yuin/gopher-lua v1.1.2
