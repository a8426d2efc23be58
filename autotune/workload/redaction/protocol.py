"""Words of the chat protocols and of JSON Schema: keys and values that say nothing of anybody."""

from __future__ import annotations

_KEYS = """
role content type text name tool_calls tool_call_id function arguments id index parameters
description properties required items enum additionalProperties anyOf oneOf allOf not const
default format title $schema $ref $defs definitions strict reasoning_content reasoning refusal
image_url url detail audio input_audio data thinking signature input output tool_use_id is_error
source media_type cache_control ttl schema model metadata temperature top_p top_k max_tokens
max_completion_tokens max_output_tokens stop stream stream_options tool_choice parallel_tool_calls
reasoning_effort response_format json_schema file line minimum maximum minItems maxItems minLength
maxLength pattern examples nullable status summary call_id annotations custom user parent effort
budget_tokens
"""

_ROLES = """
system user assistant tool developer function
"""

_TYPES = """
text function custom string number integer boolean object array null image_url image input_text
output_text input_audio tool_use tool_result thinking redacted_thinking refusal json_schema
json_object ephemeral base64 url enabled disabled adaptive auto any none tool reasoning file
document
"""

_IDS = """
user user_id userid user_name username account account_id accountid account_uuid organization
organization_id organization_uuid org_id tenant_id customer_id device_id deviceid installation_id
install_id machine_id email end_user end_user_id safety_identifier author owner login client_id
subject sub workspace_id team_id project_id hostname session_uuid user_api_key_hash
user_api_key_user_id user_api_key_team_id
"""

PROTOCOL_KEYS = frozenset(_KEYS.split())
"""Keys that belong to a protocol: they stay as they are."""

PROTOCOL_VALUES = {"role": frozenset(_ROLES.split()), "type": frozenset(_TYPES.split())}
"""Values that a protocol gives a meaning to, by their key."""

ID_KEYS = frozenset(_IDS.split())
"""Keys of `params`, `origin` and of what a capture adds, whose value names somebody."""
