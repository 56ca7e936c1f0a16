from django.urls import path, re_path

from config_service.api.accounts import (
    GrantsView,
    GrantView,
    GroupsView,
    TokensView,
    TokenView,
    UserGroupView,
    UsersView,
    UserView,
)
from config_service.api.audit import AuditView
from config_service.api.backups import RestoreView, SnapshotView
from config_service.api.change_sets import (
    ChangeSetApproveView,
    ChangeSetDiffView,
    ChangeSetPublishView,
    ChangeSetScheduleView,
    ChangeSetsView,
    ChangeSetUnscheduleView,
    ChangeSetView,
)
from config_service.api.entries import EntriesView, EntryView, NamespacesView, NamespaceView, RevealView
from config_service.api.group import (
    GroupView,
    NodeOperationView,
    NodesView,
    NodeView,
    RequestView,
    TransferLeadershipView,
    UnknownPathView,
)
from config_service.api.history import (
    DiffView,
    EntryHistoryView,
    EntryRollbackView,
    HistoryReachView,
    NamespaceHistoryView,
    NamespaceRollbackView,
)
from config_service.api.schemas import SchemaHistoryView, SchemaView
from config_service.api.switch_watch import SwitchWatchView
from config_service.api.switches import SwitchesView, SwitchHistoryView, SwitchView
from config_service.api.transactions import TransactionsView
from config_service.api.transfer import ExportView, ImportView
from config_service.api.watch import WatchView

urlpatterns = [
    path("namespaces/", NamespacesView.as_view()),
    path("namespaces/<str:namespace>", NamespaceView.as_view()),
    path("namespaces/<str:namespace>/entries/", EntriesView.as_view()),
    path("namespaces/<str:namespace>/history", NamespaceHistoryView.as_view()),
    path("namespaces/<str:namespace>/diff", DiffView.as_view()),
    path("namespaces/<str:namespace>/rollback", NamespaceRollbackView.as_view()),
    path("namespaces/<str:namespace>/export", ExportView.as_view()),
    path("namespaces/<str:namespace>/import", ImportView.as_view()),
    path("namespaces/<str:namespace>/schema", SchemaView.as_view()),
    path("namespaces/<str:namespace>/schema/history", SchemaHistoryView.as_view()),
    path("namespaces/<str:namespace>/entries/<path:key>/history", EntryHistoryView.as_view()),
    path("namespaces/<str:namespace>/entries/<path:key>/rollback", EntryRollbackView.as_view()),
    path("namespaces/<str:namespace>/entries/<path:key>/reveal", RevealView.as_view()),
    path("namespaces/<str:namespace>/entries/<path:key>", EntryView.as_view()),
    path("transactions", TransactionsView.as_view()),
    path("changesets/", ChangeSetsView.as_view()),
    path("changesets/<int:change_set>", ChangeSetView.as_view()),
    path("changesets/<int:change_set>/diff", ChangeSetDiffView.as_view()),
    path("changesets/<int:change_set>/approve", ChangeSetApproveView.as_view()),
    path("changesets/<int:change_set>/schedule", ChangeSetScheduleView.as_view()),
    path("changesets/<int:change_set>/unschedule", ChangeSetUnscheduleView.as_view()),
    path("changesets/<int:change_set>/publish", ChangeSetPublishView.as_view()),
    path("history", HistoryReachView.as_view()),
    path("watch", WatchView.as_view()),
    path("switches/", SwitchesView.as_view()),
    path("switches/watch", SwitchWatchView.as_view()),
    path("switches/<str:name>", SwitchView.as_view()),
    path("switches/<str:name>/history", SwitchHistoryView.as_view()),
    path("audit", AuditView.as_view()),
    path("users/", UsersView.as_view()),
    path("users/<str:username>", UserView.as_view()),
    path("groups/", GroupsView.as_view()),
    path("groups/<str:name>", UserGroupView.as_view()),
    path("grants/", GrantsView.as_view()),
    path("grants/<int:grant>", GrantView.as_view()),
    path("tokens/", TokensView.as_view()),
    path("tokens/<uuid:token>", TokenView.as_view()),
    path("group", GroupView.as_view()),
    path("group/nodes", NodesView.as_view()),
    path("group/nodes/<str:node>", NodeView.as_view()),
    path("group/nodes/<str:node>/drain", NodeOperationView.as_view(operation="drain")),
    path("group/nodes/<str:node>/undrain", NodeOperationView.as_view(operation="undrain")),
    path("group/nodes/<str:node>/rebuild", NodeOperationView.as_view(operation="rebuild")),
    path("group/snapshot", SnapshotView.as_view()),
    path("group/restore", RestoreView.as_view()),
    path("group/transfer-leadership", TransferLeadershipView.as_view()),
    path("requests/<str:request_id>", RequestView.as_view()),
    re_path("", UnknownPathView.as_view()),
]
