"""Makes the transactions of oslo.db that write wait for each other on SQLite. Python imports this file at its start.

oslo.db begins every transaction without a lock. One that has read, and then writes while another one writes, would wait for
a lock that the other cannot give up; SQLite refuses it at once ("database is locked"), however long the timeout is. Ironic
tries some of its writes again, the others become an answer of 500. A transaction that is opened for writing takes the lock
of the writer at its begin, where it can wait for it. Other databases have no such lock, so this changes nothing that a
user of Ironic would see.
"""
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import event
from sqlalchemy.engine import Engine

create_session = enginefacade._TransactionFactory._create_session


def create_session_that_may_write(factory, mode, bind=None):
    if mode is enginefacade._WRITER and bind is None:
        bind = factory.get_writer_engine().execution_options(writes=True)
    return create_session(factory, mode, bind)


@event.listens_for(Engine, 'before_cursor_execute', retval=True)
def begin_as_the_writer(connection, cursor, statement, parameters, context, many):
    if statement == 'BEGIN' and connection.get_execution_options().get('writes'):
        statement = 'BEGIN IMMEDIATE'
    return statement, parameters


enginefacade._TransactionFactory._create_session = create_session_that_may_write
