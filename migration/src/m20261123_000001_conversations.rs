//! Conversations, and what hangs on them: participants' legs, links to DCM objects, agents.

use sea_orm_migration::prelude::*;

use crate::columns::{
    belongs_to_conversation, col_id, flag, index, key, number, seconds, text, time,
};

const CONVERSATION: &str = "tbl_gen_conversation";
const PARTICIPANT: &str = "tbl_gen_participant";
const CONTEXT: &str = "tbl_gen_context";
const AGENT: &str = "gateway_conversation_agent";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(conversation(manager)).await?;
        manager.create_table(participant(manager)).await?;
        manager.create_table(context(manager)).await?;
        manager.create_table(agent()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [AGENT, CONTEXT, PARTICIPANT, CONVERSATION] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

fn conversation(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(CONVERSATION)
        .col(col_id())
        .col(key(manager, "conversationid").unique_key())
        .col(text("initiatedby").not_null())
        .col(text("initialscreenpoptarget"))
        .col(time(manager, "conversationstart"))
        .col(time(manager, "conversationend"))
        .col(text("direction"))
        .col(text("originalmediatype"))
        .col(text("calculatedstatus").not_null())
        .col(text("lastqueueid"))
        .col(text("lastqueuename"))
        .col(text("errormessage"))
        .col(text("errorwork"))
        .col(time(manager, "errorat"))
        .col(time(manager, "registeredat"))
        .col(text("activemediatype"))
        .col(time(manager, "statussince").not_null())
        .col(number("statusnumber"))
        .col(time(manager, "waitingsince"))
        .col(text("ownerkind"))
        .col(text("ownergenesysid"))
        .col(text("ownername"))
        .col(time(manager, "ownersince"))
        .col(time(manager, "startedat").not_null())
        .col(time(manager, "createdat").not_null())
        .col(time(manager, "updatedat").not_null())
        .col(number("version"))
        .col(text("lists").not_null())
        .col(text("state").not_null())
        .take()
}

fn participant(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(PARTICIPANT)
        .col(col_id())
        .col(number("conversationid"))
        .col(key(manager, "participantid"))
        .col(key(manager, "sessionid"))
        .col(text("purpose").not_null())
        .col(flag("issystem"))
        .col(text("userid"))
        .col(text("participantname"))
        .col(text("externalcontactid"))
        .col(text("queueid"))
        .col(text("queuename"))
        .col(text("mediatype").not_null())
        .col(text("direction"))
        .col(text("state").not_null())
        .col(time(manager, "connectedtime"))
        .col(time(manager, "endtime"))
        .col(seconds("alertseconds"))
        .col(seconds("dialseconds"))
        .col(seconds("talkseconds"))
        .col(seconds("holdseconds"))
        .col(seconds("parkseconds"))
        .col(seconds("acwseconds"))
        .col(text("disconnecttype"))
        .col(text("wrapupcode"))
        .col(text("wrapupname"))
        .col(flag("isconsult"))
        .col(flag("timingsfinal"))
        .foreign_key(&mut belongs_to_conversation(PARTICIPANT, "conversationid"))
        .take()
}

fn context(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(CONTEXT)
        .col(col_id())
        .col(number("conversationid"))
        .col(key(manager, "keycode"))
        .col(key(manager, "customkey"))
        .col(text("keyname"))
        .col(key(manager, "objectid"))
        .col(text("description"))
        .col(key(manager, "contexttype"))
        .col(text("createdby"))
        .col(time(manager, "createddate").not_null())
        .col(time(manager, "lastdate").not_null())
        .foreign_key(&mut belongs_to_conversation(CONTEXT, "conversationid"))
        .take()
}

fn agent() -> TableCreateStatement {
    Table::create()
        .table(AGENT)
        .col(number("conversation"))
        .col(text("userid").not_null())
        .col(flag("active"))
        .col(flag("handled"))
        .primary_key(Index::create().col("conversation").col("userid"))
        .foreign_key(&mut belongs_to_conversation(AGENT, "conversation"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index(
            "conversation_started",
            CONVERSATION,
            &["startedat", "conversationid"],
        ),
        index(
            "conversation_created",
            CONVERSATION,
            &["createdat", "conversationid"],
        ),
        index(
            "conversation_updated",
            CONVERSATION,
            &["updatedat", "conversationid"],
        ),
        index(
            "conversation_since",
            CONVERSATION,
            &["statussince", "conversationid"],
        ),
        index(
            "conversation_status",
            CONVERSATION,
            &["calculatedstatus", "startedat"],
        ),
        index(
            "conversation_queue",
            CONVERSATION,
            &["lastqueueid", "startedat"],
        ),
        index(
            "participant_leg",
            PARTICIPANT,
            &["conversationid", "participantid", "sessionid"],
        )
        .unique()
        .take(),
        index(
            "context_link",
            CONTEXT,
            &[
                "conversationid",
                "keycode",
                "customkey",
                "objectid",
                "contexttype",
            ],
        )
        .unique()
        .take(),
        index(
            "context_object",
            CONTEXT,
            &["keycode", "customkey", "objectid"],
        ),
        index("agent_user", AGENT, &["userid", "active", "conversation"]),
    ]
}
