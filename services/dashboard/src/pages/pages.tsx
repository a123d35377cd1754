import { Route, Router } from 'preact-iso'
import { AdminPage } from './admin.tsx'
import { AdminOwnerPage } from './admin-owner.tsx'
import { AuditPage } from './audit.tsx'
import { BuildPage } from './build.tsx'
import { BuildsPage } from './builds.tsx'
import { FunctionPage } from './function.tsx'
import { HomePage } from './home.tsx'
import { NotFoundPage } from './not-found.tsx'
import { NotificationsPage } from './notifications.tsx'
import { OverviewPage } from './overview.tsx'
import { RepositoriesPage } from './repositories.tsx'
import { RepositoryPage } from './repository.tsx'
import { SecretsPage } from './secrets.tsx'
import { TokensPage } from './tokens.tsx'
import { VariablesPage } from './variables.tsx'

export function Pages() {
  return (
    <Router>
      <Route path="/" component={HomePage} />
      <Route path="/sign-in" component={HomePage} />
      <Route path="/builds/:id" component={BuildPage} />
      <Route path="/owners/:owner" component={OverviewPage} />
      <Route path="/owners/:owner/builds" component={BuildsPage} />
      <Route path="/owners/:owner/functions/:name/:tab?" component={FunctionPage} />
      <Route path="/owners/:owner/repositories" component={RepositoriesPage} />
      <Route path="/owners/:owner/repositories/:id" component={RepositoryPage} />
      <Route path="/owners/:owner/variables" component={VariablesPage} />
      <Route path="/owners/:owner/secrets" component={SecretsPage} />
      <Route path="/owners/:owner/tokens" component={TokensPage} />
      <Route path="/owners/:owner/notifications" component={NotificationsPage} />
      <Route path="/owners/:owner/audit" component={AuditPage} />
      <Route path="/admin/owners/:owner" component={AdminOwnerPage} />
      <Route path="/admin/:tab?" component={AdminPage} />
      <Route default component={NotFoundPage} />
    </Router>
  )
}
