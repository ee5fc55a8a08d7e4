"""Dynamic policies of UEs (TS 26.512 11.5)."""

from fivegms_af.m5.session_handling import SessionHandlingApi
from fivegms_af.policy.errors import DynamicPolicyUnknown
from fivegms_af.reports.records import Invocation
from fivegms_af.routes import M5_BASE_PATH, Api
from fivegms_api.dynamic_policies import DynamicPolicy

DYNAMIC_POLICIES = SessionHandlingApi(
    name="Dynamic Policy",
    model=DynamicPolicy,
    api=Api("M5_DynamicPolicies", "2.0.2", M5_BASE_PATH),
    path="/dynamic-policies",
    id_member="dynamic_policy_id",
    assigned=("enforcement_method", "enforcement_bit_rate"),
    invocation=Invocation.DYNAMIC_POLICY,
    service=lambda context: context.policy.dynamic_policies,
    unknown=DynamicPolicyUnknown,
)
